import java.net.*;
import java.net.http.*;
import java.nio.charset.StandardCharsets;

/** One change: Client.java METHOD URL AUTHORIZATION BODY. Prints the status, then the body. */
public class Client {
    public static void main(String[] args) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(args[1]))
            .header("Authorization", args[2]).header("Content-Type", "application/json")
            .method(args[0], HttpRequest.BodyPublishers.ofString(args[3])).build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode());
        System.out.println(answer.body());
    }
}
