package dev.tempera.djl;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SequenceSampler;
import dev.tempera.TemperaException;
import dev.tempera.Vocabulary;
import dev.tempera.engine.ChatTemplate;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.tokenizer.JinjaChatTemplate;
import dev.tempera.tokenizer.MissingChatTemplateException;
import dev.tempera.tokenizer.ModelTokenizer;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * What a model folder says besides its weights, and with it the way from a request to a {@link Sequence}.
 *
 * @param vocabulary the tokenizer's ids before the rows of the LM head
 */
record ModelFolder(
        String name,
        Dtype dtype,
        int contextLength,
        ModelTokenizer tokenizer,
        ChatTemplate chatTemplate,
        Vocabulary vocabulary,
        GenerationConfig generationConfig) {

    /** The tokenizer's native memory is the caller's to free. */
    static ModelFolder read(Path folder, Qwen2Config config, Dtype dtype, int contextLength) {
        GenerationConfig generationConfig = GenerationConfig.read(folder);
        ChatTemplate chatTemplate = chatTemplate(folder);
        ModelTokenizer tokenizer = tokenizer(folder); // the last: it holds native memory
        if (tokenizer.size() > config.vocabSize()) {
            tokenizer.close();
            throw new ModelFolderException(folder + ": tokenizer.json has ids up to " + (tokenizer.size() - 1)
                    + ", but vocab_size in config.json is " + config.vocabSize() + ". Do they belong together?");
        }
        return new ModelFolder(
                folder.toAbsolutePath().normalize().getFileName().toString(),
                dtype,
                contextLength,
                tokenizer,
                chatTemplate,
                tokenizer.vocabulary(config.vocabSize()),
                generationConfig);
    }

    private static ModelTokenizer tokenizer(Path folder) {
        try {
            return ModelTokenizer.open(folder);
        } catch (TemperaException e) {
            throw new ModelFolderException(String.valueOf(e.getMessage()), e);
        }
    }

    /** A model without a template takes every other prompt: what is missing is said when a chat is asked for. */
    private static ChatTemplate chatTemplate(Path folder) {
        try {
            return JinjaChatTemplate.open(folder);
        } catch (MissingChatTemplateException e) {
            return (messages, variables) -> {
                throw new InvalidParametersException(
                        "this model takes text or token ids as the prompt, not messages: " + e.getMessage());
            };
        } catch (TemperaException e) {
            throw new ModelFolderException(String.valueOf(e.getMessage()), e);
        }
    }

    /** The ids of the prompt; and those of the negative prompt if the request is guided. */
    List<int[]> encodePrompts(GenerationRequest request) {
        int[] prompt = encode("the prompt", request.prompt());
        if (!request.isGuided()) {
            return List.of(prompt);
        }
        Prompt negative = request.negativePrompt();
        return List.of(
                prompt,
                negative == null
                        ? new int[] {prompt[prompt.length - 1]} // as transformers
                        : encode("the negative prompt", negative));
    }

    private int[] encode(String name, Prompt prompt) {
        int[] ids;
        if (prompt instanceof Prompt.Text text) {
            ids = tokenizer.encode(text.text());
        } else if (prompt instanceof Prompt.Tokens tokens) {
            ids = tokens.tokenIds().stream().mapToInt(Integer::intValue).toArray();
        } else if (prompt instanceof Prompt.Chat chat) {
            ids = tokenizer.encode(chatTemplate.render(chat));
        } else {
            throw new IllegalArgumentException("unknown kind of prompt: " + prompt);
        }
        check(name, ids);
        return ids;
    }

    private void check(String name, int[] ids) {
        if (ids.length == 0) {
            throw new InvalidParametersException(name + " must have at least one token, got none");
        }
        if (ids.length >= contextLength) {
            throw new InvalidParametersException(name + " has " + ids.length + " tokens, but the context of model "
                    + this.name + " holds " + contextLength + " with at least one for the answer; shorten the prompt"
                    + " or open the engine with a longer context");
        }
        for (int id : ids) {
            requireToken(name, id);
        }
    }

    private void requireToken(String where, int id) {
        if (id < 0 || !vocabulary.isToken(id)) {
            throw new InvalidParametersException(
                    where + " has token id " + id + ", but model " + name + " has ids 0 to " + (tokenizer.size() - 1));
        }
    }

    /** How many tokens may follow: the longest of the prompts decides how much room there is. */
    int maxTokens(GenerationRequest request, List<int[]> prompts) {
        int room = contextLength
                - prompts.stream().mapToInt(ids -> ids.length).max().orElseThrow();
        Integer asked = request.parameters().maxTokens();
        return asked == null ? room : Math.min(room, asked);
    }

    Sequence sequence(GenerationRequest request, GenerationPlan plan, List<int[]> prompts, QueuedStream stream) {
        SamplingParameters asked = request.parameters();
        Set<Integer> stopTokenIds = new HashSet<>(asked.stopTokenIds());
        stopTokenIds.forEach(id -> requireToken("stop_token_ids", id));
        if (!Boolean.TRUE.equals(asked.ignoreEos())) {
            stopTokenIds.addAll(generationConfig.eosTokenIds());
        }
        // A seed of our own is small enough for JSON readers that know only doubles.
        Long seed = asked.seed() != null
                ? asked.seed()
                : Long.valueOf(ThreadLocalRandom.current().nextLong(1L << 53));
        SamplingParameters parameters = asked.toBuilder().seed(seed).build();
        int[] prompt = prompts.get(0);
        var settings = new Generation.Settings(
                request,
                plan,
                parameters,
                prompt.length,
                stopTokenIds,
                maxTokens(request, prompts),
                "model " + name + ", dtype " + dtype.wireName());
        int[] stops = stopTokenIds.stream().mapToInt(Integer::intValue).sorted().toArray();
        SequenceSampler sampler = request.pipeline().start(prompt, vocabulary, stops, seed);
        return new Sequence(settings, sampler, tokenizer.decoder(), stream);
    }
}
