package dev.tempera.app.process;

import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import java.util.List;

/**
 * What a case comes to.
 *
 * @param promptSize how many tokens of the history count as the prompt
 * @param removed what the answer says of a token that is no longer among the candidates
 */
record Setup(SamplingPipeline pipeline, int promptSize, List<Integer> stopTokenIds, float removed) {
    static Setup of(PeerCase peerCase, LogitsProcessor... processors) {
        return of(peerCase, SamplingPipeline.of(processors));
    }

    static Setup choosing(PeerCase peerCase, Sampler sampler) {
        return of(peerCase, SamplingPipeline.builder().sampler(sampler).build());
    }

    static Setup of(PeerCase peerCase, SamplingPipeline pipeline) {
        return new Setup(pipeline, peerCase.prompt().length, List.of(), Float.NEGATIVE_INFINITY);
    }

    Setup withPromptSize(int size) {
        return new Setup(pipeline, size, stopTokenIds, removed);
    }

    Setup withStopTokenIds(List<Integer> ids) {
        return new Setup(pipeline, promptSize, ids, removed);
    }

    Setup withRemoved(float value) {
        return new Setup(pipeline, promptSize, stopTokenIds, value);
    }
}
