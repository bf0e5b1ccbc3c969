package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.Fault;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Neither key nor prompt is in what is logged, thrown or printed. */
@Timeout(60)
class RedactionTest {
    private static final String KEY = "key-that-nobody-may-see";
    private static final String PROMPT = "prompt that nobody may see";

    @Test
    void keyAndPrompt_areInNoLogMessageOrText() {
        StringBuffer said = new StringBuffer();
        Handler all = new Handler() {
            @Override
            public void publish(LogRecord logged) {
                said.append(logged.getMessage()).append('\n');
                if (logged.getThrown() != null) {
                    StringWriter trace = new StringWriter();
                    logged.getThrown().printStackTrace(new PrintWriter(trace));
                    said.append(trace);
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        all.setLevel(Level.ALL);
        Logger logger = Logger.getLogger("dev.tempera.vllm");
        logger.addHandler(all);
        logger.setLevel(Level.ALL);
        try (FakeVllm server = FakeVllm.builder().apiKeys(KEY).start()) {
            VllmEngineBuilder builder = VllmEngine.builder(server.uri())
                    .apiKey(KEY)
                    .retries(new Retries(2, Duration.ofMillis(1), Duration.ofMillis(1), Duration.ofSeconds(9)));
            GenerationRequest request = GenerationRequest.of(
                    new Prompt.Text(PROMPT),
                    SamplingParameters.builder().maxTokens(9).ignoreEos(true).build());
            try (VllmEngine engine = builder.open()) {
                server.failNext(Fault.scaling(), Fault.errorAfterTokens(2));
                said.append(catchThrowable(() -> engine.generate(request))).append('\n');
                said.append(engine.generate(request))
                        .append(engine)
                        .append(builder)
                        .append('\n');
                said.append(engine.plan(request)).append(engine.capabilities()).append(engine.servers());
            }
        } finally {
            logger.removeHandler(all);
            logger.setLevel(null);
        }

        assertThat(said.toString())
                .contains("POST http://127.0.0.1")
                .contains("is sent again after attempt 1")
                .doesNotContain(KEY)
                .doesNotContain(PROMPT);
    }
}
