package dev.tempera.app;

import dev.tempera.InvalidParametersException;
import dev.tempera.TemperaException;
import dev.tempera.djl.ModelFolderException;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.UnsupportedRequestException;
import dev.tempera.vllm.VllmException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one sentence for people and an exit code. */
final class Failures implements IParameterExceptionHandler, IExecutionExceptionHandler {
    static final int FAILED = 1;
    static final int BAD_INPUT = 2;
    static final int INTERRUPTED = 130;

    private final BooleanSupplier interrupted;

    Failures(BooleanSupplier interrupted) {
        this.interrupted = interrupted;
    }

    @Override
    public int handleParseException(ParameterException failure, String[] args) {
        CommandLine command = failure.getCommandLine();
        String message = String.valueOf(failure.getMessage());
        if (failure instanceof UnmatchedArgumentException unmatched) {
            message = "unknown "
                    + (unmatched.isUnknownOption() ? "option " : "argument ")
                    + unmatched.getUnmatched().get(0) + didYouMean(unmatched);
        }
        // picocli speaks of Java's types.
        message = message.replaceFirst("is not an? (int|long)$", "is not a whole number")
                .replaceFirst("is not a double$", "is not a number")
                .replaceFirst("is not a boolean$", "is not true or false");
        print(command.getErr(), message);
        command.getErr().println("See " + command.getCommandSpec().qualifiedName(" ") + " --help");
        return BAD_INPUT;
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed) {
        return report(failure, command);
    }

    /** Also for errors, which picocli lets through. */
    int report(Throwable failure, CommandLine command) {
        if (interrupted.getAsBoolean()) {
            return INTERRUPTED; // Whatever it is, it comes from everything being closed.
        }
        PrintWriter err = command.getErr();
        print(err, sentence(failure));
        CommandLine root = command.getCommandSpec().root().commandLine();
        if (root.getParseResult() != null && Boolean.TRUE.equals(verbose(root))) {
            failure.printStackTrace(err);
        }
        return exitCode(failure);
    }

    private static Object verbose(CommandLine root) {
        return root.getCommandSpec().findOption("--verbose").getValue();
    }

    private static int exitCode(Throwable failure) {
        if (failure instanceof VllmException server) {
            return switch (server.reason()) {
                case BAD_PARAMETER, CONTEXT_TOO_LONG, MODEL_NOT_FOUND, UNAUTHORIZED, NOT_SUPPORTED -> BAD_INPUT;
                default -> FAILED;
            };
        }
        boolean badInput = failure instanceof InputException
                || failure instanceof InvalidParametersException
                || failure instanceof UnsupportedRequestException
                || failure instanceof ModelFolderException
                || failure instanceof IllegalArgumentException;
        return badInput ? BAD_INPUT : FAILED;
    }

    private static String sentence(Throwable failure) {
        String message = failure.getMessage();
        boolean ours = failure instanceof TemperaException
                || failure instanceof InputException
                || failure instanceof IllegalArgumentException
                || failure instanceof IllegalStateException
                || failure instanceof UncheckedIOException;
        if (ours && message != null) {
            return OptionWords.of(message)
                    + (failure instanceof UnsupportedRequestException refusal ? way(refusal) : "");
        }
        return failure.getClass().getSimpleName() + (message == null ? "" : ": " + message)
                + " (--verbose shows where)";
    }

    /** A way to run what is refused; empty if there is none. */
    private static String way(UnsupportedRequestException refusal) {
        boolean stepwise =
                refusal.rejected().stream().allMatch(stage -> stage.placement() == GenerationPlan.Placement.STEPWISE);
        return stepwise ? "; --stepwise allows it: one request for every token" : "";
    }

    private static void print(PrintWriter err, String message) {
        err.println("tempera: " + message.strip());
        err.flush();
    }

    /** An option that differs only in its hyphens and underscores comes before those that picocli finds alike. */
    private static String didYouMean(UnmatchedArgumentException unmatched) {
        String typed = plain(unmatched.getUnmatched().get(0));
        return Stream.concat(
                        unmatched.getCommandLine().getCommandSpec().optionsMap().keySet().stream()
                                .filter(option -> unmatched.isUnknownOption()
                                        && plain(option).equals(typed)),
                        unmatched.getSuggestions().stream())
                .findFirst()
                .map(name -> "; did you mean " + name + "?")
                .orElse("");
    }

    private static String plain(String option) {
        return option.replaceFirst("=.*", "").replaceAll("[-_]", "").toLowerCase(Locale.ROOT);
    }
}
