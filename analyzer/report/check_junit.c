/* SPDX-License-Identifier: MIT */
/*
 * JUnit's XML as test reporters read it: testsuites, testsuite, testcase, and in it failure
 * (over the limit) or error (not known).
 */
#include <errno.h>
#include <stdlib.h>

#include <libxml/xmlwriter.h>

#include "check_output.h"
#include "check_words.h"
#include "printable.h"
#include "verdict.h"

#define X(text) ((const xmlChar *)(text))

/* Writes to a stream of ours; libxml2 wants -1 for trouble. */
static int put(void *context, const char *bytes, int count)
{
	return fwrite(bytes, 1, (size_t)count, context) == (size_t)count ? count : -1;
}

static int attribute(xmlTextWriter *writer, const char *name, const char *value)
{
	char *safe = printable_new(value);
	int result = safe ? xmlTextWriterWriteAttribute(writer, X(name), X(safe)) : -1;

	free(safe);
	return result;
}

static int counts(xmlTextWriter *writer, const struct verdicts *verdicts)
{
	char text[24];
	int bad = attribute(writer, "name", "mftrace");

	snprintf(text, sizeof(text), "%zu", verdicts->count);
	bad |= attribute(writer, "tests", text);
	snprintf(text, sizeof(text), "%zu", verdicts->failed);
	bad |= attribute(writer, "failures", text);
	snprintf(text, sizeof(text), "%zu", verdicts->unknown);
	bad |= attribute(writer, "errors", text);
	return bad | attribute(writer, "time", "0");
}

static int put_trouble(xmlTextWriter *writer, const struct verdict *verdict,
		       const char *root)
{
	char *sentence = check_sentence_new(verdict);
	char *story = check_story_new(verdict, root);
	char rule[64];
	int bad = -1;

	verdict_rule(verdict, rule, sizeof(rule));
	if (sentence && story) {
		bad = xmlTextWriterStartElement(
			writer, X(verdict->status == VERDICT_FAILED ? "failure" : "error"));
		bad |= attribute(writer, "message", sentence);
		bad |= attribute(writer, "type", rule);
		bad |= xmlTextWriterWriteString(writer, X(story));
		bad |= xmlTextWriterEndElement(writer);
	}
	free(story);
	free(sentence);
	return bad;
}

static int put_note(xmlTextWriter *writer, const char *note)
{
	char *safe = printable_new(note);
	int bad = safe ? xmlTextWriterWriteElement(writer, X("system-out"), X(safe)) : -1;

	free(safe);
	return bad;
}

static int put_case(xmlTextWriter *writer, const struct verdict *verdict, const char *root)
{
	int bad = xmlTextWriterStartElement(writer, X("testcase"));
	char class[64];

	snprintf(class, sizeof(class), "mftrace.%s", check_kind_name(verdict));
	bad |= attribute(writer, "classname", class);
	bad |= attribute(writer, "name", verdict->name);
	bad |= attribute(writer, "time", "0");
	if (verdict->status != VERDICT_PASSED)
		bad |= put_trouble(writer, verdict, root);
	else if (verdict->note)
		bad |= put_note(writer, verdict->note);
	return bad | xmlTextWriterEndElement(writer);
}

int check_junit(const struct verdicts *verdicts, const char *root, FILE *out)
{
	xmlOutputBuffer *buffer = xmlOutputBufferCreateIO(put, NULL, out, NULL);
	xmlTextWriter *writer = buffer ? xmlNewTextWriter(buffer) : NULL;
	int bad = 0;

	if (!writer) {
		if (buffer)
			xmlOutputBufferClose(buffer);
		return -ENOMEM;
	}
	xmlTextWriterSetIndent(writer, 1);
	bad |= xmlTextWriterStartDocument(writer, NULL, "UTF-8", NULL);
	bad |= xmlTextWriterStartElement(writer, X("testsuites"));
	bad |= counts(writer, verdicts);
	bad |= xmlTextWriterStartElement(writer, X("testsuite"));
	bad |= counts(writer, verdicts);
	bad |= attribute(writer, "skipped", "0");
	for (size_t i = 0; i < verdicts->count; i++)
		bad |= put_case(writer, &verdicts->items[i], root);
	bad |= xmlTextWriterEndDocument(writer);
	xmlFreeTextWriter(writer);
	/* Their results are byte counts, or -1. */
	if (bad < 0)
		return ferror(out) ? -EIO : -ENOMEM;
	return ferror(out) ? -EIO : 0;
}
