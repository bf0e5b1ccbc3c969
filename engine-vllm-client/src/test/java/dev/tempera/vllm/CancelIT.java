package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whoever stops reading makes a real server stop generating. */
class CancelIT {
    private static final GenerationRequest ENDLESS = GenerationRequest.of(
            new Prompt.Text("春天"),
            SamplingParameters.builder().ignoreEos(true).maxTokens(1000).build());

    @Test
    void cancel_endsTheRequestOnTheServer_andKeepsWhatWasThere() throws Exception {
        try (VllmEngine engine = VllmEngine.builder(RealVllm.shared().uri()).open()) {
            List<TokenStream> streams = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                TokenStream stream = engine.stream(ENDLESS);
                stream.next();
                streams.add(stream);
            }
            assertThat(running()).isGreaterThanOrEqualTo(3);

            streams.get(0).cancel();
            streams.get(1).close();
            Thread reader = new Thread(() -> {
                while (streams.get(2).hasNext()) {
                    streams.get(2).next();
                }
            });
            reader.start();
            reader.interrupt();
            reader.join();

            awaitNoneRunning();
            GenerationResult cancelled = streams.get(0).result();
            assertThat(cancelled.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(cancelled.text()).isNotEmpty();
            assertThat(cancelled.usage().generatedTokens()).isBetween(1, 999);
        }
    }

    @Test
    void closingTheEngine_endsItsRequestsOnTheServer() throws Exception {
        VllmEngine engine = VllmEngine.builder(RealVllm.shared().uri()).open();
        TokenStream stream = engine.stream(ENDLESS);
        stream.next();
        assertThat(running()).isGreaterThanOrEqualTo(1);

        engine.close();

        awaitNoneRunning();
    }

    private static double running() throws Exception {
        return RealVllm.shared().metric("vllm:num_requests_running");
    }

    private static void awaitNoneRunning() throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (running() > 0 && System.nanoTime() < end) {
            Thread.sleep(50);
        }
        assertThat(running()).isZero();
    }
}
