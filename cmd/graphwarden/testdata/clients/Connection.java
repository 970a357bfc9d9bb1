import java.io.InputStream;
import java.net.*;
import java.nio.charset.StandardCharsets;

/** One change by the old HttpURLConnection, which knows no PATCH: Connection.java URL AUTHORIZATION BODY posts it. */
public class Connection {
    public static void main(String[] args) throws Exception {
        HttpURLConnection c = (HttpURLConnection) new URL(args[0]).openConnection();
        c.setRequestMethod("POST");
        c.setRequestProperty("Authorization", args[1]);
        c.setRequestProperty("Content-Type", "application/json");
        c.setDoOutput(true);
        c.getOutputStream().write(args[2].getBytes(StandardCharsets.UTF_8));
        int status = c.getResponseCode();
        InputStream in = status < 400 ? c.getInputStream() : c.getErrorStream();
        System.out.println(status);
        System.out.println(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
}
