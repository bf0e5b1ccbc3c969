package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AuthorityTest {
    @ParameterizedTest
    @CsvSource({
        "http://host:8000/v1, host, 8000",
        "http://host, host, -1",
        "http://vllm_server:8000, vllm_server, 8000",
        "http://user:secret@10.0.0.1:80, 10.0.0.1, 80",
        "http://[::1]:8000, [::1], 8000",
        "http://[::1]/, [::1], -1",
        "http://a_b:c, a_b:c, -1"
    })
    void host_andPort(URI uri, String host, int port) {
        assertThat(Authority.of(uri)).isEqualTo(new Authority(host, port));
    }
}
