package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ServerLoadTest {
    @Test
    void sumsRunningAndWaitingAndTakesTheCacheAsItIs() {
        // As vLLM 0.32.0 writes it; the waiting by reason are the same waiting once more.
        assertThat(ServerLoad.parse("""
                        # HELP vllm:num_requests_running Number of requests in model execution batches.
                        # TYPE vllm:num_requests_running gauge
                        vllm:num_requests_running{engine="0",model_name="tempera-sample"} 3.0
                        vllm:num_requests_waiting{engine="0",model_name="tempera-sample"} 2.0
                        vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 2.0
                        vllm:kv_cache_usage_perc{engine="0",model_name="tempera-sample"} 0.25
                        """)).isEqualTo(new ServerLoad(5, 0.25));
    }

    @Test
    void sumsRequestsOverEnginesAndAveragesTheirCaches() {
        assertThat(ServerLoad.parse("""
                        vllm:num_requests_running{engine="0"} 3
                        vllm:num_requests_running{engine="1"} 4
                        vllm:num_requests_waiting{engine="0"} 0
                        vllm:num_requests_waiting{engine="1"} 1
                        vllm:kv_cache_usage_perc{engine="0"} 0.5
                        vllm:kv_cache_usage_perc{engine="1"} 1
                        """)).isEqualTo(new ServerLoad(8, 0.75));
    }

    @Test
    void knowsTheCacheByItsOldName() {
        assertThat(ServerLoad.parse("vllm:gpu_cache_usage_perc{model_name=\"m\"} 1.5e-1\n")
                        .cacheUsage())
                .isEqualTo(0.15);
    }

    @Test
    void readsPastLabelsThatHoldBracesSpacesAndQuotes() {
        assertThat(ServerLoad.parse(
                                "vllm:num_requests_running{model_name=\"a } 9 \\\" } 8\\\\\",engine=\"0\"} 7 1795487456\r\n")
                        .requests())
                .isEqualTo(7);
        assertThat(ServerLoad.parse("vllm:num_requests_running 6 1795487456").requests())
                .isEqualTo(6);
    }

    @Test
    void passesOverWhatIsNoNumberOfRequests() {
        assertThat(ServerLoad.parse("""
                        vllm:num_requests_running{engine="0"} NaN
                        vllm:num_requests_running{engine="1"} +Inf
                        vllm:num_requests_running{engine="2"} -4
                        vllm:num_requests_running{engine="3"} many
                        vllm:num_requests_running{engine="4"}
                        vllm:num_requests_running{engine="5" 5
                        vllm:num_requests_running
                        vllm:num_requests_running{engine="6"} 2
                        """)).isEqualTo(new ServerLoad(2, Double.NaN));
    }

    @Test
    void isUnknownWhereNothingIsTold() {
        assertThat(ServerLoad.parse("")).isEqualTo(ServerLoad.UNKNOWN);
        assertThat(ServerLoad.parse("<html>Bad Gateway</html>")).isEqualTo(ServerLoad.UNKNOWN);
        assertThat(ServerLoad.parse("{\"running\": 3}\n}{\n\"\n\\")).isEqualTo(ServerLoad.UNKNOWN);
    }
}
