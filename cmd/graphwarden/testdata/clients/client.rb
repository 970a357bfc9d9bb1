# One change: client.rb METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
require "net/http"

method, url, authorization, body = ARGV
uri = URI(url)
request = Net::HTTP.const_get(method.capitalize).new(uri, "Authorization" => authorization, "Content-Type" => "application/json")
request.body = body
answer = Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request) }
puts answer.code, answer.body
