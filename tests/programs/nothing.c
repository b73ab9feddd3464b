/* SPDX-License-Identifier: MIT */
/*
 * Allocates nothing. What is recorded of it is what start-up and end of any process cost:
 * tests subtract it from the counts of the whole process.
 */
int main(void)
{
	return 0;
}
