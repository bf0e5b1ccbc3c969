package dev.tempera.vllm;

import java.net.URI;
import java.util.Objects;

/**
 * Where a URI leads. {@link URI#getHost} knows no host whose name has an underscore, as those of containers do.
 *
 * @param host IPv6 in brackets
 * @param port -1 if none is given
 */
record Authority(String host, int port) {
    static Authority of(URI uri) {
        String authority = Objects.requireNonNullElse(uri.getRawAuthority(), "localhost");
        String place = authority.substring(authority.indexOf('@') + 1);
        int colon = place.lastIndexOf(':');
        boolean hasPort =
                colon > place.lastIndexOf(']') && place.substring(colon + 1).matches("\\d{1,5}");
        return hasPort
                ? new Authority(place.substring(0, colon), Integer.parseInt(place.substring(colon + 1)))
                : new Authority(place, -1);
    }

    /** As it stands in a URI, without the user. */
    @Override
    public String toString() {
        return port < 0 ? host : host + ":" + port;
    }
}
