# One change by HTTP::Tiny, which every Perl has: tiny.pl METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
use strict; use warnings;
use HTTP::Tiny;

my ($method, $url, $authorization, $body) = @ARGV;
my $answer = HTTP::Tiny->new(verify_SSL => 1)->request($method, $url,
    { headers => { Authorization => $authorization, 'Content-Type' => 'application/json' }, content => $body });
print $answer->{status}, "\n", $answer->{content}, "\n";
