package dev.tempera.app.process;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.Logits;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Arrays;

/** The lines that are written. Numbers are the shortest decimals that give the same float32 again. */
final class Answers {
    private Answers() {}

    /** @param removed what stands for a token that is not left */
    static String of(JsonNode id, boolean withProbabilities, Logits left, float removed) {
        return write(id, json -> {
            float[] out = new float[left.vocabularySize()];
            Arrays.fill(out, removed);
            for (int i = 0; i < left.size(); i++) {
                out[left.tokenId(i)] = left.get(i);
            }
            json.writeArrayFieldStart("out");
            for (float logit : out) {
                writeNumber(json, logit);
            }
            json.writeEndArray();
            if (withProbabilities) {
                writeProbabilities(json, left);
            }
        });
    }

    static String error(JsonNode id, String message) {
        return write(id, json -> json.writeStringField("error", message));
    }

    private static void writeProbabilities(JsonGenerator json, Logits left) throws IOException {
        double logSumExp = left.logSumExp();
        json.writeArrayFieldStart("probs");
        for (int i = 0; i < left.size(); i++) {
            float probability = (float) Math.exp(left.get(i) - logSumExp);
            if (probability > 0) {
                json.writeStartArray();
                json.writeNumber(left.tokenId(i));
                json.writeNumber(probability);
                json.writeEndArray();
            }
        }
        json.writeEndArray();
    }

    private static void writeNumber(JsonGenerator json, float number) throws IOException {
        if (Float.isNaN(number)) {
            json.writeString("nan");
        } else if (Float.isInfinite(number)) {
            json.writeString(number < 0 ? "-inf" : "inf");
        } else {
            json.writeNumber(number);
        }
    }

    private static String write(JsonNode id, Fields fields) {
        StringWriter line = new StringWriter();
        try (JsonGenerator json = Json.MAPPER.createGenerator(line)) {
            json.configure(StreamWriteFeature.USE_FAST_DOUBLE_WRITER.mappedFeature(), true);
            json.writeStartObject();
            json.writeFieldName("id");
            json.writeTree(id.isMissingNode() ? null : id);
            fields.write(json);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a string writer does not fail
        }
        return line.toString();
    }

    /** The fields after {@code id}. */
    @FunctionalInterface
    private interface Fields {
        void write(JsonGenerator json) throws IOException;
    }
}
