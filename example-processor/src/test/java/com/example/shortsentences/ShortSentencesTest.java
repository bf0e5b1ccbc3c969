package com.example.shortsentences;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessors;
import dev.tempera.ProcessorSpec;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.testkit.LogitsProcessorContract;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ShortSentencesTest extends LogitsProcessorContract {
    @Override
    protected List<LogitsProcessor> processors() {
        return List.of(new ShortSentences(5, 0.2), new ShortSentences(5, 20));
    }

    @Test
    void endToken_gainsWithTheLengthOfTheSentence() {
        SequenceSampler sampler =
                SamplingPipeline.of(new ShortSentences(2, 0.5)).start(new int[] {0, 1}, Vocabulary.ofRows(3), 0);
        assertThat(sampler.process(new float[3]).ofToken(2)).isZero();
        sampler.accept(0);
        sampler.accept(1);
        assertThat(sampler.process(new float[3]).ofToken(2)).isEqualTo(1);
        sampler.accept(2);
        assertThat(sampler.process(new float[3]).ofToken(2)).isZero();
    }

    @Test
    void name_isRegistered() {
        assertThat(LogitsProcessors.create(ProcessorSpec.of("short_sentences", Map.of("end_token_id", 2))))
                .isEqualTo(new ShortSentences(2, 0.2));
    }

    @Test
    void slope_outOfRange_isRefused() {
        assertThatThrownBy(() -> new ShortSentences(2, -1))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("slope must be between 0 and 100, got -1.0");
    }
}
