package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerSentEventsTest {
    private static final int MOST = 1 << 20;

    /** Everything that the grammar allows, with the characters of two, three and four bytes. */
    private static final String CORPUS = "\uFEFFdata: {\"text\":\"春é😀\"}\n\n"
            + ": keep-alive\n\n"
            + "data: one\ndata: two\r\ndata\rdata:  indented\n\n"
            + "event: error\r\nid: 7\r\ndata: crlf 风\r\n\r\n"
            + "data: cr\r\r"
            + "event: forgotten\n\n"
            + "data:\n\n"
            + "data\n\n"
            + "retry: 2500\nretry: 1x\nid\ndata:no space: and a colon\n\n"
            + "unknown: field\ndataset: no\n\n"
            + "event:\ndata: untyped\n\n"
            + "data: [DONE]\n\n"
            + "data: without its end\n";

    private static final List<String> EVENTS = List.of(
            "null|{\"text\":\"春é😀\"}",
            "null|one\ntwo\n\n indented",
            "error|crlf 风",
            "null|cr",
            "null|",
            "null|",
            "null|no space: and a colon",
            "null|untyped",
            "null|[DONE]");

    @Test
    void corpus_fedWhole_givesItsEvents() {
        assertThat(events(CORPUS)).isEqualTo(EVENTS);
    }

    @Test
    void corpus_fedByteByByte_givesTheSame() {
        byte[] bytes = utf8(CORPUS);
        Recorder recorder = new Recorder(MOST);
        for (int i = 0; i < bytes.length; i++) {
            recorder.feed(bytes, i, i + 1);
        }
        assertThat(recorder.events).isEqualTo(EVENTS);
    }

    @Test
    void corpus_cutOnceAnywhere_givesTheSame() {
        byte[] bytes = utf8(CORPUS);
        for (int cut = 0; cut <= bytes.length; cut++) {
            Recorder recorder = new Recorder(MOST);
            recorder.feed(bytes, 0, cut);
            recorder.feed(bytes, cut, bytes.length);
            assertThat(recorder.events).as("cut at %d", cut).isEqualTo(EVENTS);
        }
    }

    @Test
    void corpus_cutTwiceAnywhere_givesTheSame() {
        byte[] bytes = utf8(CORPUS);
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
                Recorder recorder = new Recorder(MOST);
                recorder.feed(bytes, 0, first);
                recorder.feed(bytes, first, second);
                recorder.feed(bytes, second, bytes.length);
                assertThat(recorder.events)
                        .as("cuts at %d and %d", first, second)
                        .isEqualTo(EVENTS);
            }
        }
    }

    /** Random lines of the grammar's own pieces, against a parser that splits strings. */
    @Test
    void randomStreams_cutAtRandom_giveWhatSplittingStringsGives() {
        String[] pieces = {
            "data",
            "data:",
            "data: ",
            "data: x春",
            ":",
            "event: a",
            "event",
            "id: 1",
            "\n",
            "\r",
            "\r\n",
            " ",
            "\n\n",
            "\uFEFF",
            "data: long and longer",
            "😀"
        };
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(40); i >= 0; i--) {
                text.append(pieces[random.nextInt(pieces.length)]);
            }
            byte[] bytes = utf8(text.toString());
            Recorder recorder = new Recorder(MOST);
            for (int from = 0; from < bytes.length; ) {
                int to = Math.min(bytes.length, from + random.nextInt(9));
                recorder.feed(bytes, from, to);
                from = to;
            }
            assertThat(recorder.events).as("seed %d: %s", seed, text).isEqualTo(bySplitting(text.toString()));
        }
    }

    private static List<String> bySplitting(String text) {
        String all = text.startsWith("\uFEFF") ? text.substring(1) : text;
        String[] lines = all.replace("\r\n", "\n").replace('\r', '\n').split("\n", -1);
        List<String> events = new ArrayList<>();
        List<String> data = new ArrayList<>();
        String type = "null";
        for (String line : Arrays.copyOf(lines, lines.length - 1)) {
            String[] field = (line + (line.contains(":") ? "" : ":")).split(":", 2);
            String value = field[1].startsWith(" ") ? field[1].substring(1) : field[1];
            if (line.isEmpty()) {
                if (!data.isEmpty()) {
                    events.add(type + "|" + String.join("\n", data));
                }
                data.clear();
                type = "null";
            } else if (field[0].equals("data")) {
                data.add(value);
            } else if (field[0].equals("event")) {
                type = value.isEmpty() ? "null" : value;
            }
        }
        return events;
    }

    @Test
    void idAndRetry_areKept() {
        Recorder recorder = new Recorder(MOST);
        recorder.feed("id: 7\nretry: 2500\ndata: x\n\n");
        assertThat(recorder.parser.lastEventId()).isEqualTo("7");
        assertThat(recorder.parser.retryMillis()).isEqualTo(2500);
        recorder.feed("id: 8\0\nretry: soon\nretry:\n\n");
        assertThat(recorder.parser.lastEventId())
                .as("an id with NUL is ignored")
                .isEqualTo("7");
        assertThat(recorder.parser.retryMillis()).isEqualTo(2500);
        recorder.feed("id\n\n");
        assertThat(recorder.parser.lastEventId()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"data: 123456789012345678901\n\n", "data: 1234567890\ndata: 1234567890\n\n", ": comments count\n"
            })
    void event_largerThanAllowed_isRefusedAtAnyCut(String text) {
        byte[] bytes = utf8(text);
        for (int cut = 0; cut <= bytes.length; cut++) {
            Recorder recorder = new Recorder(12);
            int at = cut;
            if (text.startsWith(":") && (cut == 0 || cut >= bytes.length - 1)) {
                continue; // a whole comment needs no room
            }
            assertThatThrownBy(() -> {
                        recorder.feed(bytes, 0, at);
                        recorder.feed(bytes, at, bytes.length);
                    })
                    .as("cut at %d", cut)
                    .isInstanceOfSatisfying(
                            VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.PROTOCOL))
                    .hasMessage("The stream holds an event of more than 12 bytes, the most that is read. Ask for fewer"
                            + " logprobs, or for smaller chunks.");
        }
    }

    @Test
    void event_asLargeAsAllowed_passes() {
        assertThat(events("data: 123456\n\ndata: 123456\n\n", 12)).containsExactly("null|123456", "null|123456");
    }

    @Test
    void event_ofOneLineInOnePiece_isNotCopied() {
        byte[] bytes = utf8("data: here\n\n");
        List<byte[]> arrays = new ArrayList<>();
        new ServerSentEvents((type, data, from, to) -> arrays.add(data), MOST).feed(bytes, 0, bytes.length);
        assertThat(arrays).singleElement().isSameAs(bytes);
    }

    private static List<String> events(String text) {
        return events(text, MOST);
    }

    private static List<String> events(String text, int most) {
        Recorder recorder = new Recorder(most);
        recorder.feed(text);
        return recorder.events;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static final class Recorder {
        private final List<String> events = new ArrayList<>();
        private final ServerSentEvents parser;

        Recorder(int most) {
            parser = new ServerSentEvents(
                    (type, data, from, to) -> {
                        ByteArrayOutputStream copy = new ByteArrayOutputStream();
                        copy.write(data, from, to - from);
                        events.add(type + "|" + copy.toString(StandardCharsets.UTF_8));
                    },
                    most);
        }

        void feed(String text) {
            feed(utf8(text), 0, utf8(text).length);
        }

        /** Each piece in an array of its own that is spoilt afterwards, as a reader's buffer is. */
        void feed(byte[] bytes, int from, int to) {
            byte[] piece = Arrays.copyOfRange(bytes, from, to);
            parser.feed(piece, 0, piece.length);
            Arrays.fill(piece, (byte) 'X');
        }
    }
}
