package dev.tempera.app;

import dev.tempera.app.process.ProcessCommand;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code tempera} program. Exit codes: 0 done, 1 it failed, 2 what was typed cannot be used, 130 Ctrl-C. */
@Command(
        name = "tempera",
        description = "Full, exact and measurable control over how a language model samples.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = HelpCommand.class,
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        abbreviateSynopsis = true,
        versionProvider = Tempera.Version.class)
public final class Tempera implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Print the stack trace of a failure.")
    private boolean verbose;

    private Tempera() {}

    /** Runs the program and ends the JVM. */
    public static void main(String[] args) {
        // Before any class of DJL is loaded: it would report its use otherwise.
        setIfUnset("OPT_OUT_TRACKING", "true");
        setIfUnset("ai.djl.offline", "true");
        setIfUnset("java.awt.headless", "true");
        setIfUnset("java.util.logging.SimpleFormatter.format", "%4$s: %5$s%n"); // a request that is sent again
        Interruption interruption = Interruption.install();
        StandardOutput stdout = new StandardOutput();
        // UTF-8 whatever the locale says: a file written by LANG=C must not be full of question marks.
        PrintWriter out = new PrintWriter(new OutputStreamWriter(stdout, StandardCharsets.UTF_8));
        PrintWriter err = new PrintWriter(new OutputStreamWriter(System.err, StandardCharsets.UTF_8), true);
        Environment environment = new Environment(
                interruption.watch(System.in),
                System.getenv(),
                Terminal.ofProcess(System.getenv()),
                interruption::open);
        int exitCode = commandLine(environment, interruption::isRequested)
                .setOut(out)
                .setErr(err)
                .execute(args);
        out.flush();
        if (stdout.failed()) {
            err.println("tempera: cannot write the output: " + stdout.failure());
            exitCode = CommandLine.ExitCode.SOFTWARE;
        }
        err.flush();
        interruption.mainIsDone();
        System.exit(exitCode);
    }

    /** The whole command line, for {@link #main} and for tests. */
    static CommandLine commandLine(Environment environment, java.util.function.BooleanSupplier interrupted) {
        CommandLine tempera = new CommandLine(new Tempera())
                .addSubcommand(new DemoCommand(environment))
                .addSubcommand(withSampling(new GenerateCommand(environment)))
                .addSubcommand(withSampling(new ChatCommand(environment)))
                .addSubcommand(withSampling(new ExplainCommand(environment)))
                .addSubcommand(new PresetsCommand(environment))
                .addSubcommand(new ProcessCommand(environment.input()))
                .addSubcommand(new BenchCommand())
                .addSubcommand(new DoctorCommand(environment));
        Failures failures = new Failures(interrupted);
        return tempera.setParameterExceptionHandler(failures)
                .setExecutionExceptionHandler(failures)
                .setUsageHelpLongOptionsMaxWidth(34)
                .setHelpFactory((spec, colors) -> {
                    // Asked only now: it starts a process.
                    int columns = environment.terminal().columns();
                    spec.usageMessage().width(columns == 0 ? 110 : Math.max(60, Math.min(columns, 110)));
                    return new CommandLine.Help(spec, colors);
                })
                .setAbbreviatedOptionsAllowed(false)
                .setExpandAtFiles(false); // A prompt may begin with @.
    }

    private static CommandLine withSampling(Object command) {
        CommandLine commandLine = new CommandLine(command);
        SamplingOptions.addTo(commandLine.getCommandSpec());
        return commandLine;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    private static void setIfUnset(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    /** What {@code --version} prints. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            Properties properties = new Properties();
            try (InputStream in = Tempera.class.getResourceAsStream("version.properties")) {
                properties.load(in);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return new String[] {
                "tempera " + properties.getProperty("version") + " (Java " + System.getProperty("java.version") + ", "
                        + System.getProperty("os.name") + " " + System.getProperty("os.arch") + ")"
            };
        }
    }
}
