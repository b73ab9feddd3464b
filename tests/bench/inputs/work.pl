# SPDX-License-Identifier: MIT
# What perl does in scripts/bench: splits text, counts words, builds and sorts records.
use strict;
use warnings;

my ($count) = @ARGV;
my (%words, @records);
my $total = 0;
for my $i (1 .. $count) {
	my $line = join ' ', map { 'word' . ($i * $_ * 7919 % 4001) } 1 .. 8;
	my @parts = split / /, $line;
	$words{$_}++ for @parts;
	push @records, {id => $i, first => $parts[0], rest => [@parts[1 .. 3]]};
	(my $copy = $line) =~ s/word(\d+)/<$1>/g;
	$total += length $copy;
	@records = () if @records > 5000;
}
my @top = (sort { $words{$b} <=> $words{$a} || $a cmp $b } keys %words)[0 .. 4];
my @sorted = sort { $a->{first} cmp $b->{first} || $a->{id} <=> $b->{id} } @records;
print "$total ", scalar(@sorted), ' ', join(',', map { "$_=$words{$_}" } @top), "\n";
