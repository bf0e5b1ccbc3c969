package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DecodeThreadTest {
    @Test
    void handOver_whileTheModelIsBeingFreed_isAborted() throws Exception {
        var freeing = new CountDownLatch(1);
        var free = new CountDownLatch(1);
        Qwen2Config config = Qwen2Config.read(TinyQwen2.FOLDER);
        TestedVersions.check(); // loads libtorch
        var thread = new DecodeThread(
                "decode-test",
                () ->
                        new Decoder(
                                config,
                                WeightSource.of(Safetensors.open(TinyQwen2.FOLDER)),
                                Dtype.FLOAT32,
                                Device.cpu(),
                                64) {
                            @Override
                            public void close() {
                                freeing.countDown();
                                await(free);
                                super.close();
                            }
                        },
                Duration.ofMinutes(1));
        thread.open();
        ModelFolder model = ModelFolder.read(TinyQwen2.FOLDER, config, Dtype.FLOAT32, 64);
        var closer = new Thread(thread::close);
        closer.start();
        try {
            await(freeing);
            var stream = new QueuedStream(8, thread);
            var request = GenerationRequest.of(new Prompt.Tokens(List.of(1, 2)), SamplingParameters.NEUTRAL);
            List<int[]> prompts = List.of(new int[] {1, 2});
            Sequence sequence = model.sequence(request, new GenerationPlan(List.of()), prompts, stream);
            // As a caller does that was let in just before the engine was closed.
            thread.handOver(new SequenceGroup(prompts, List.of(sequence)));
            GenerationResult result =
                    CompletableFuture.supplyAsync(stream::result).get(20, TimeUnit.SECONDS);
            assertThat(result.finishReason()).isEqualTo(FinishReason.ABORT);
        } finally {
            free.countDown();
            closer.join();
            model.tokenizer().close();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(30, TimeUnit.SECONDS)) {
                throw new IllegalStateException("waited in vain");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
