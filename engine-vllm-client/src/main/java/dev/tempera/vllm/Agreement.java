package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What several servers can do together: a request is planned once, and whichever gets it must do it as planned. */
final class Agreement {
    /** A server with others of these gives other texts, or takes other requests. One that does not tell is believed. */
    private static final Set<String> SAME = Set.of("model", "contextLength", "tokenization", "frontend");

    /** Says nothing of what a server can do. */
    private static final Set<String> OF_NO_MATTER = Set.of("server", "fingerprint");

    private Agreement() {}

    /**
     * What both can do.
     *
     * @throws InvalidParametersException if they do not belong together
     */
    static Capabilities both(Capabilities a, Capabilities b) {
        String parting = differences(a, b).stream()
                .filter(d -> SAME.contains(d.what) && d.isTold())
                .map(d -> d.what + " is " + d.ofA + " at " + a.server() + " and " + d.ofB + " at " + b.server())
                .collect(Collectors.joining(", "));
        if (!parting.isEmpty()) {
            throw new InvalidParametersException(
                    "the servers of one engine must serve the same model in the same way, but " + parting);
        }
        return new Capabilities(
                a.server(),
                both(a.version(), b.version(), Agreement::older),
                both(a.fingerprint(), b.fingerprint(), (x, y) -> x.equals(y) ? x : null),
                a.frontend() == b.frontend() ? a.frontend() : Capabilities.Frontend.UNKNOWN,
                a.models().stream().filter(m -> serves(b, m)).toList(),
                a.model(),
                both(a.contextLength(), b.contextLength(), Math::min),
                both(a.maxLogprobs(), b.maxLogprobs(), Agreement::fewer),
                both(a.logprobsStage(), b.logprobsStage(), (x, y) -> x == y ? x : null),
                a.tokenRoute().compareTo(b.tokenRoute()) <= 0 ? a.tokenRoute() : b.tokenRoute(),
                a.returnsTokenIds() && b.returnsTokenIds(),
                both(a.tokenization(), b.tokenization(), (x, y) -> x),
                both(a.sameTokenizer(), b.sameTokenizer(), Boolean::logicalAnd),
                both(a.prefixCaching(), b.prefixCaching(), Boolean::logicalAnd),
                both(a.blockSize(), b.blockSize(), Math::max));
    }

    /**
     * That a server which comes, or comes back, later can do what requests are planned for.
     *
     * @throws VllmException if it cannot
     */
    static void require(Capabilities common, Capabilities coming) {
        String less;
        try {
            less = differences(common, both(common, coming)).stream()
                    .filter(d -> !OF_NO_MATTER.contains(d.what))
                    .map(d -> d.what + " " + d.ofB + " instead of " + d.ofA)
                    .collect(Collectors.joining(", "));
        } catch (InvalidParametersException e) {
            throw unfit(coming, String.valueOf(e.getMessage()));
        }
        if (!less.isEmpty()) {
            throw unfit(coming, "it can do less than requests are planned for, " + less);
        }
    }

    private static VllmException unfit(Capabilities server, String why) {
        return new VllmException(Reason.NOT_SUPPORTED, server.server() + " is up but gets no requests: " + why);
    }

    /** Of several servers none could be asked. */
    static VllmException allDown(List<VllmException> failures) {
        return new VllmException(
                failures.get(0).reason(),
                "none of the " + failures.size() + " servers can be used: "
                        + failures.stream().map(VllmException::getMessage).collect(Collectors.joining("; ")),
                failures.get(0));
    }

    private static boolean serves(Capabilities capabilities, Capabilities.ServedModel model) {
        return capabilities.models().stream().anyMatch(m -> m.id().equals(model.id()));
    }

    /** Null, which means not known, if either is. */
    private static <T> @Nullable T both(@Nullable T a, @Nullable T b, BinaryOperator<@Nullable T> less) {
        return a == null || b == null ? null : less.apply(a, b);
    }

    /** -1 is no limit. */
    private static int fewer(int a, int b) {
        return a < 0 ? b : b < 0 ? a : Math.min(a, b);
    }

    private static String older(String a, String b) {
        return Arrays.compare(numbers(a), numbers(b)) <= 0 ? a : b;
    }

    /** Of {@code 0.32.0.dev3+g5b80}: 0, 32, 0. */
    private static int[] numbers(String version) {
        return Stream.of(version.split("[^0-9]+"))
                .filter(n -> !n.isEmpty())
                .limit(3)
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    private record Difference(
            String what, @Nullable Object ofA, @Nullable Object ofB) {
        boolean isTold() {
            return ofA != null
                    && ofB != null
                    && ofA != Capabilities.Frontend.UNKNOWN
                    && ofB != Capabilities.Frontend.UNKNOWN;
        }
    }

    private static List<Difference> differences(Capabilities a, Capabilities b) {
        List<Difference> found = new ArrayList<>();
        for (RecordComponent component : Capabilities.class.getRecordComponents()) {
            try {
                Object ofA = component.getAccessor().invoke(a);
                Object ofB = component.getAccessor().invoke(b);
                if (!Objects.equals(ofA, ofB)) {
                    found.add(new Difference(component.getName(), ofA, ofB));
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e); // its accessors are public and throw nothing
            }
        }
        return found;
    }
}
