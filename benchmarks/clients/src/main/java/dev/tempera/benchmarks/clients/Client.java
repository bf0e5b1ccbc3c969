package dev.tempera.benchmarks.clients;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.langchain4j.http.client.jdk.JdkHttpClient;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.testkit.ByteTokenizer;
import dev.tempera.vllm.VllmEngine;
import java.net.URI;
import java.net.http.HttpClient;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A client as its documentation shows it, reading one stream after another. */
interface Client {
    String PROMPT = "Write a poem.";

    /** Reads a whole stream; returns how many characters of text came, one a token here. Thread-safe. */
    long stream() throws Exception;

    static Client of(String name, URI server, int tokens) {
        return switch (name) {
            case "tempera" -> tempera(VllmEngine.builder(server).open(), Prompt.chat(PROMPT), tokens);
            case "tempera-ids" -> tempera(
                    VllmEngine.builder(server).tokenizer(new ByteTokenizer()).open(), new Prompt.Tokens(List.of(72, 105)), tokens);
            case "openai-java" -> openAi(server, tokens);
            case "langchain4j" -> langchain4j(server, tokens);
            default -> throw new IllegalArgumentException("no client " + name);
        };
    }

    private static Client tempera(VllmEngine engine, Prompt prompt, int tokens) {
        GenerationRequest request = GenerationRequest.of(
                prompt, SamplingParameters.builder().temperature(0.0).maxTokens(tokens).build());
        return () -> {
            long characters = 0;
            try (TokenStream stream = engine.stream(request)) {
                while (stream.hasNext()) {
                    characters += stream.next().text().length();
                }
                stream.result();
            }
            return characters;
        };
    }

    private static Client openAi(URI server, int tokens) {
        OpenAIClient client = OpenAIOkHttpClient.builder()
                .baseUrl(server + "/v1")
                .apiKey("none")
                .build();
        ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()
                .model("fake")
                .addUserMessage(PROMPT)
                .temperature(0.0)
                .maxCompletionTokens(tokens)
                .build();
        return () -> {
            long characters = 0;
            try (StreamResponse<ChatCompletionChunk> stream =
                    client.chat().completions().createStreaming(params)) {
                for (Iterator<ChatCompletionChunk> chunks = stream.stream().iterator(); chunks.hasNext(); ) {
                    for (ChatCompletionChunk.Choice choice : chunks.next().choices()) {
                        characters += choice.delta().content().orElse("").length();
                    }
                }
            }
            return characters;
        };
    }

    private static Client langchain4j(URI server, int tokens) {
        OpenAiStreamingChatModel model = OpenAiStreamingChatModel.builder()
                .baseUrl(server + "/v1")
                .apiKey("none")
                .modelName("fake")
                .temperature(0.0)
                .maxTokens(tokens)
                // With its default, HTTP/2, vLLM's server loses the body of the request.
                .httpClientBuilder(JdkHttpClient.builder()
                        .httpClientBuilder(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)))
                .build();
        return () -> {
            CompletableFuture<Long> done = new CompletableFuture<>();
            model.chat(PROMPT, new StreamingChatResponseHandler() {
                private long characters;

                @Override
                public void onPartialResponse(String text) {
                    characters += text.length();
                }

                @Override
                public void onCompleteResponse(ChatResponse response) {
                    done.complete(characters);
                }

                @Override
                public void onError(Throwable error) {
                    done.completeExceptionally(error);
                }
            });
            return done.get();
        };
    }
}
