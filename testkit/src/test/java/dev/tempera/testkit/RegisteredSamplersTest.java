package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.ProcessorSpec;
import dev.tempera.Sampler;
import dev.tempera.Samplers;
import dev.tempera.SamplingParameters;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every registered sampler holds the contract, in each of its modes. */
class RegisteredSamplersTest extends SamplerContract {
    static final List<ProcessorSpec> SPECS = List.of(
            ProcessorSpec.of("greedy", Map.of()),
            ProcessorSpec.of("categorical", Map.of()),
            ProcessorSpec.of("gumbel_max", Map.of()),
            ProcessorSpec.of("mirostat", Map.of("tau", 3, "eta", 0.2, "m", 50)),
            ProcessorSpec.of("mirostat_v2", Map.of("tau", 2.5, "eta", 0.2)),
            ProcessorSpec.of("mirostat_v2", Map.of("tau", 0)),
            ProcessorSpec.of("adaptive_p", Map.of("target", 0.3, "decay", 0.8)),
            ProcessorSpec.of("adaptive_p", Map.of("target", -1)));

    @Override
    protected List<Sampler> samplers() {
        return SPECS.stream().map(Samplers::create).toList();
    }

    @Test
    void everySampler_survivesTheWayThroughParameters() {
        for (ProcessorSpec spec : SPECS) {
            SamplingParameters parameters =
                    SamplingParameters.builder().sampler(spec).build();

            SamplingParameters read = SamplingParameters.fromMap(parameters.toMap());

            assertThat(read).as("%s", spec).isEqualTo(parameters);
            assertThat(read.toPipeline().sampler()).isEqualTo(Samplers.create(spec));
        }
    }

    @Test
    void everyRegisteredSampler_isTested() {
        assertThat(SPECS).extracting(ProcessorSpec::name).containsAll(Samplers.names());
    }
}
