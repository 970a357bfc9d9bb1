# One change by LWP: lwp.pl METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
use strict; use warnings;
use HTTP::Request; use LWP::UserAgent;

my ($method, $url, $authorization, $body) = @ARGV;
my $answer = LWP::UserAgent->new->request(
    HTTP::Request->new($method, $url, ['Authorization' => $authorization, 'Content-Type' => 'application/json'], $body));
print $answer->code, "\n", $answer->content, "\n";
