package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.engine.EngineOptions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Fields of a request to vLLM that are neither sampling parameters nor options of every engine, typed.
 *
 * <pre>{@code
 * EngineOptions options = VllmOptions.builder()
 *         .reasoningEffort("low")
 *         .chatTemplateArguments(Map.of("enable_thinking", false))
 *         .build(EngineOptions.builder().cacheSalt("a4f2"));
 * }</pre>
 *
 * <p>What a field does, and which route has it, is in docs/engine-vllm.md; a plan rejects one that its route does not
 * have. A field that is not set is not sent. Not thread-safe; the options are immutable.
 */
public final class VllmOptions {
    private final SortedMap<String, Object> fields = new TreeMap<>();

    private VllmOptions() {}

    public static VllmOptions builder() {
        return new VllmOptions();
    }

    /** Log-probabilities of the prompt's tokens, with so many of the likeliest; -1 for all. The text does not stream. */
    public VllmOptions promptLogprobs(int number) {
        return set(BodyField.PROMPT_LOGPROBS, number);
    }

    /** The only tokens whose log-probabilities are listed, at most 128; the request must ask for logprobs. */
    public VllmOptions logprobTokenIds(List<Integer> tokenIds) {
        return set(BodyField.LOGPROB_TOKEN_IDS, List.copyOf(tokenIds));
    }

    /** Cuts a longer prompt to so many tokens; -1 to what fits. */
    public VllmOptions truncatePromptTokens(int tokens) {
        return set(BodyField.TRUNCATE_PROMPT_TOKENS, tokens);
    }

    /** Where {@link #truncatePromptTokens} cuts: {@code left} keeps the end of the prompt, {@code right} its beginning. */
    public VllmOptions truncationSide(String side) {
        return set(BodyField.TRUNCATION_SIDE, side);
    }

    /** The text begins with the prompt; in a chat, with its last message. */
    public VllmOptions echo(boolean echo) {
        return set(BodyField.ECHO, echo);
    }

    /** Searches instead of drawing; the text does not stream. */
    public VllmOptions useBeamSearch(boolean use) {
        return set(BodyField.USE_BEAM_SEARCH, use);
    }

    /** Above 1 favours longer beams. */
    public VllmOptions lengthPenalty(double penalty) {
        return set(BodyField.LENGTH_PENALTY, penalty);
    }

    /** OpenAI's form of a structured output, see {@link EngineOptions.Builder#structuredOutput} for the typed one. */
    public VllmOptions responseFormat(Map<String, ?> format) {
        return set(BodyField.RESPONSE_FORMAT, format);
    }

    /** {@code none}, {@code auto} or {@code required}. */
    public VllmOptions toolChoice(String choice) {
        return set(BodyField.TOOL_CHOICE, choice);
    }

    /** Makes the model call one tool. */
    public VllmOptions toolChoiceFunction(String name) {
        return set(BodyField.TOOL_CHOICE, Map.of("type", "function", "function", Map.of("name", name)));
    }

    /** Whether the model may call several tools at a time. */
    public VllmOptions parallelToolCalls(boolean parallel) {
        return set(BodyField.PARALLEL_TOOL_CALLS, parallel);
    }

    /** {@code none}, {@code low}, {@code medium}, {@code high}: for models whose template knows it. */
    public VllmOptions reasoningEffort(String effort) {
        return set(BodyField.REASONING_EFFORT, effort);
    }

    /** Whether the reasoning is told, where the server has a reasoning parser. */
    public VllmOptions includeReasoning(boolean include) {
        return set(BodyField.INCLUDE_REASONING, include);
    }

    /** Another chat template; the server refuses it unless it was started with {@code --trust-request-chat-template}. */
    public VllmOptions chatTemplate(String template) {
        return set(BodyField.CHAT_TEMPLATE, template);
    }

    /** Variables of the chat template, {@code enable_thinking} for instance. */
    public VllmOptions chatTemplateArguments(Map<String, ?> arguments) {
        return set(BodyField.CHAT_TEMPLATE_KWARGS, arguments);
    }

    /** Whether the assistant's turn is opened; the server does unless told not to. */
    public VllmOptions addGenerationPrompt(boolean add) {
        return set(BodyField.ADD_GENERATION_PROMPT, add);
    }

    /** Whether the last message goes on rather than being answered; needs {@link #addGenerationPrompt} false. */
    public VllmOptions continueFinalMessage(boolean goOn) {
        return set(BodyField.CONTINUE_FINAL_MESSAGE, goOn);
    }

    /** Whether the server's tokenizer adds special tokens, such as that of the beginning. */
    public VllmOptions addSpecialTokens(boolean add) {
        return set(BodyField.ADD_SPECIAL_TOKENS, add);
    }

    /** For templates that know them: each with a title and a text. */
    public VllmOptions documents(List<Map<String, String>> documents) {
        return set(BodyField.DOCUMENTS, List.copyOf(documents));
    }

    /** Whether special tokens are left out of the server's text; they are unless told otherwise. */
    public VllmOptions skipSpecialTokens(boolean skip) {
        return set(BodyField.SKIP_SPECIAL_TOKENS, skip);
    }

    /** Whether special tokens that are shown have spaces between them. */
    public VllmOptions spacesBetweenSpecialTokens(boolean spaces) {
        return set(BodyField.SPACES_BETWEEN_SPECIAL_TOKENS, spaces);
    }

    /** How many tokens the server puts into one event of the stream, at least. */
    public VllmOptions streamInterval(int tokens) {
        return set(BodyField.STREAM_INTERVAL, tokens);
    }

    /** Whether a watermark that the server is set up with is applied. */
    public VllmOptions watermarking(boolean apply) {
        return set(BodyField.WATERMARKING, apply);
    }

    /** For servers that read prompts for others (disaggregated prefill). */
    public VllmOptions kvTransferParameters(Map<String, ?> parameters) {
        return set(BodyField.KV_TRANSFER_PARAMS, parameters);
    }

    /** For servers that encode images for others. */
    public VllmOptions encoderTransferParameters(Map<String, ?> parameters) {
        return set(BodyField.EC_TRANSFER_PARAMS, parameters);
    }

    /** Allows processors that the server does not have in this request, and says how they run. */
    public VllmOptions stepwise(Stepwise how) {
        fields.put(Stepwise.FIELD, how);
        return this;
    }

    /** Any other field, sent as it is. A server ignores names that it does not know, without a word. */
    public VllmOptions field(String name, Object value) {
        fields.put(name, value);
        return this;
    }

    private VllmOptions set(BodyField field, Object value) {
        fields.put(field.wireName(), value);
        return this;
    }

    /** The fields by their names on the wire: for {@link EngineOptions.Builder#fields}. */
    public SortedMap<String, Object> fields() {
        List<String> problems = new ArrayList<>();
        fields.forEach((name, value) -> {
            String refusal = BodyField.refusal(name, value);
            if (!refusal.isEmpty()) {
                problems.add(refusal);
            }
        });
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return Collections.unmodifiableSortedMap(new TreeMap<>(fields));
    }

    /** Options with these fields alone; see {@link #build(EngineOptions.Builder)} for what it throws. */
    public EngineOptions build() {
        return build(EngineOptions.builder());
    }

    /**
     * Adds these fields to other options.
     *
     * @throws InvalidParametersException with every field whose value has another shape, or that is set elsewhere
     */
    public EngineOptions build(EngineOptions.Builder others) {
        return others.fields(fields()).build();
    }
}
