package dev.tempera.app.process;

import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.Vocabulary;
import java.util.List;

/**
 * What a case comes to.
 *
 * @param promptSize how many tokens of the history count as the prompt
 * @param removed what the answer says of a token that is no longer among the candidates
 * @param vocabulary as large as the logits are many
 */
record Setup(
        SamplingPipeline pipeline, int promptSize, List<Integer> stopTokenIds, float removed, Vocabulary vocabulary) {
    static Setup of(PeerCase peerCase, LogitsProcessor... processors) {
        return of(peerCase, SamplingPipeline.of(processors));
    }

    static Setup choosing(PeerCase peerCase, Sampler sampler) {
        return of(peerCase, SamplingPipeline.builder().sampler(sampler).build());
    }

    static Setup of(PeerCase peerCase, SamplingPipeline pipeline) {
        return new Setup(
                pipeline,
                peerCase.prompt().length,
                List.of(),
                Float.NEGATIVE_INFINITY,
                Vocabulary.ofRows(peerCase.logits().length));
    }

    Setup withPromptSize(int size) {
        return new Setup(pipeline, size, stopTokenIds, removed, vocabulary);
    }

    Setup withStopTokenIds(List<Integer> ids) {
        return new Setup(pipeline, promptSize, ids, removed, vocabulary);
    }

    Setup withRemoved(float value) {
        return new Setup(pipeline, promptSize, stopTokenIds, value, vocabulary);
    }

    Setup withVocabulary(Vocabulary other) {
        return new Setup(pipeline, promptSize, stopTokenIds, removed, other);
    }
}
