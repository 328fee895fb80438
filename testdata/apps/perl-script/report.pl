#!/usr/bin/perl
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Getopt::Long;
use JSON::PP;
use DBI;
use Acme::Table;
use Encode qw(encode);

binmode STDOUT, ':encoding(UTF-8)';
GetOptions('rows=i' => \my $rows);
my $db = DBI->connect('dbi:SQLite:dbname=:memory:', '', '', { RaiseError => 1 });
$db->do('CREATE TABLE t (n INTEGER)');
$db->do('INSERT INTO t VALUES (?)', undef, $_) for 1 .. $rows;
my ($sum) = $db->selectrow_array('SELECT sum(n) FROM t');
print JSON::PP->new->canonical->encode({ rows => $rows, sum => $sum }), "\n";
print Acme::Table::upper("grün"), "\n";
print `echo '[1]' | jq -c .`;
system('jq', '--version') == 0 or print "no jq\n";
