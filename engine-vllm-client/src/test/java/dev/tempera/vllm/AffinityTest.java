package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AffinityTest {
    private static final EngineOptions NONE = EngineOptions.NONE;

    @Test
    void promptsThatBeginAlikeAreOfAKind() {
        String beginning = "You are a helpful assistant. ".repeat(40);

        assertThat(of(new Prompt.Text(beginning + "One?"))).isEqualTo(of(new Prompt.Text(beginning + "Two?")));
        assertThat(of(new Prompt.Text("One?"))).isNotEqualTo(of(new Prompt.Text("Two?")));
    }

    @Test
    void idsThatBeginAlikeAreOfAKind() {
        List<Integer> one = new ArrayList<>(IntStream.range(0, 300).boxed().toList());
        List<Integer> two = new ArrayList<>(one);
        two.set(299, 7);
        List<Integer> three = new ArrayList<>(one);
        three.set(0, 7);

        assertThat(of(new Prompt.Tokens(one))).isEqualTo(of(new Prompt.Tokens(two)));
        assertThat(of(new Prompt.Tokens(one))).isNotEqualTo(of(new Prompt.Tokens(three)));
    }

    @Test
    void theTurnsOfAConversationAreOfAKindAndOtherConversationsAreNot() {
        ChatMessage system = ChatMessage.system("You are a helpful assistant.");
        Prompt first = new Prompt.Chat(List.of(system, ChatMessage.user("Hello")));
        Prompt second = new Prompt.Chat(
                List.of(system, ChatMessage.user("Hello"), ChatMessage.assistant("Hi"), ChatMessage.user("Goodbye")));
        Prompt other = new Prompt.Chat(List.of(system, ChatMessage.user("Help")));

        assertThat(of(first)).isEqualTo(of(second)).isNotEqualTo(of(other));
    }

    @Test
    void aSessionIsOfAKindWhateverThePrompt() {
        EngineOptions session = EngineOptions.builder().sessionId("s1").build();

        assertThat(of(Prompt.chat("One?"), session)).isEqualTo(of(Prompt.chat("Two?"), session));
        assertThat(of(Prompt.chat("One?"), session))
                .isNotEqualTo(of(
                        Prompt.chat("One?"),
                        EngineOptions.builder().sessionId("s2").build()));
    }

    @Test
    void saltsAndAdaptersPartWhatIsAlike() {
        Prompt prompt = Prompt.chat("Hello");

        assertThat(List.of(
                        of(prompt),
                        of(prompt, EngineOptions.builder().cacheSalt("a").build()),
                        of(prompt, EngineOptions.builder().cacheSalt("b").build()),
                        of(prompt, EngineOptions.builder().lora("a").build())))
                .doesNotHaveDuplicates();
    }

    /** Several clients agree only if they all get this. */
    @Test
    void isTheSameInEveryJvm() {
        // FNV-1a over 'a' and the end mark -1, then Stafford's Mix13; by hand with Python's integers.
        assertThat(Affinity.of("a")).isEqualTo(0xb2a44da1cf468188L);
    }

    @Test
    void ranksEveryServerFirstForItsShareOfKeys() {
        long[] servers = servers(4);
        int[] first = new int[4];
        for (int key = 0; key < 10_000; key++) {
            first[home(key, servers)]++;
        }

        double chiSquare = 0;
        for (int count : first) {
            chiSquare += (count - 2500.0) * (count - 2500.0) / 2500;
        }
        assertThat(chiSquare).isLessThan(16.27); // 3 degrees of freedom, p = 0.001
    }

    @Test
    void losingAServerMovesItsKeysAlone() {
        long[] four = servers(4);
        long[] three = servers(3);
        for (int key = 0; key < 1000; key++) {
            int home = home(key, four);
            if (home < 3) {
                assertThat(home(key, three)).isEqualTo(home);
            }
        }
    }

    private static int home(int session, long[] servers) {
        long key = Affinity.of("session " + session);
        return IntStream.range(0, servers.length)
                .boxed()
                .min(Comparator.comparingLong(i -> Affinity.rank(key, servers[i])))
                .orElseThrow();
    }

    private static long[] servers(int count) {
        return IntStream.range(0, count)
                .mapToLong(i -> Affinity.of("http://gpu" + i + ":8000"))
                .toArray();
    }

    private static long of(Prompt prompt) {
        return of(prompt, NONE);
    }

    private static long of(Prompt prompt, EngineOptions options) {
        return Affinity.of(GenerationRequest.builder()
                .prompt(prompt)
                .parameters(SamplingParameters.NEUTRAL)
                .engineOptions(options)
                .build());
    }
}
