package dev.tempera.vllm;

import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import org.jspecify.annotations.Nullable;

/**
 * A number that requests share whose prompts a server's prefix cache likely has in common, the same in every JVM so that
 * several clients agree: of the session if the request names one, else of how the prompt begins. The cache salt and the
 * LoRA adapter count, because they separate caches.
 */
final class Affinity {
    /** Enough to tell prompts apart, not so much that a difference far behind a shared beginning parts them. */
    private static final int CHARACTERS = 1024;

    private static final int TOKENS = 256;

    private long hash = 0xcbf29ce484222325L;

    private Affinity() {}

    static long of(GenerationRequest request) {
        Affinity affinity = new Affinity();
        EngineOptions options = request.engineOptions();
        affinity.add(options.lora());
        affinity.add(options.cacheSalt());
        if (options.sessionId() != null) {
            affinity.add(options.sessionId());
        } else {
            affinity.add(request.prompt());
        }
        return mix(affinity.hash);
    }

    /** Which server is whose: for one key, the servers by descending rank (rendezvous hashing). */
    static long rank(long key, long serverHash) {
        return mix(key ^ serverHash);
    }

    static long of(String text) {
        Affinity affinity = new Affinity();
        affinity.add(text);
        return mix(affinity.hash);
    }

    private void add(Prompt prompt) {
        if (prompt instanceof Prompt.Text text) {
            add(text.text());
        } else if (prompt instanceof Prompt.Tokens tokens) {
            tokens.tokenIds().stream().limit(TOKENS).forEach(this::add);
        } else if (prompt instanceof Prompt.Chat chat) {
            // All conversations of an application have the same system message: it is the first question that tells
            // them
            // apart, and that all later turns of a conversation repeat.
            for (ChatMessage message : chat.messages()) {
                add(message.role());
                add(message.content());
                if (message.role().equals("user")) {
                    break;
                }
            }
        }
    }

    private void add(@Nullable String given) {
        String text = given == null ? "" : given;
        int length = Math.min(text.length(), CHARACTERS);
        for (int i = 0; i < length; i++) {
            add(text.charAt(i));
        }
        add(-1); // parts "ab" + "c" from "a" + "bc"
    }

    /** Fowler-Noll-Vo 1a, a value at a time. */
    private void add(int value) {
        hash = (hash ^ value) * 0x100000001b3L;
    }

    /** Stafford's Mix13: every bit of the input changes half of the output's. */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
