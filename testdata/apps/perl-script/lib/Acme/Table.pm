package Acme::Table;
use strict;
use warnings;

sub upper { uc shift }

1;
