package dev.tempera.app;

import ai.djl.engine.Engine;
import com.sun.management.OperatingSystemMXBean;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.vllm.VllmEngine;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.net.URL;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code tempera doctor}: what a report of a fault should begin with. */
@Command(
        name = "doctor",
        description = "Look at the environment and try the model; exit code 1 when something does not work.")
final class DoctorCommand implements Callable<Integer> {
    private static final List<String> VARIABLES = List.of(
            "PYTORCH_LIBRARY_PATH",
            "PYTORCH_VERSION",
            "PYTORCH_FLAVOR",
            "DJL_CACHE_DIR",
            "ENGINE_CACHE_DIR",
            "OMP_NUM_THREADS",
            "CUDA_VISIBLE_DEVICES",
            "TEMPERA_JAVA_OPTIONS");

    private final Environment environment;
    private boolean healthy = true;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ModelOptions model = new ModelOptions();

    DoctorCommand(Environment environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        ModelChoice choice = model.choice(environment.variables());
        say("tempera", new Tempera.Version().getVersion()[0]);
        say("java", property("java.version") + ", " + property("java.vm.name") + ", " + property("java.home"));
        say(
                "system",
                property("os.name") + " " + property("os.version") + ", " + property("os.arch") + ", "
                        + Runtime.getRuntime().availableProcessors() + " processors");
        say("memory", memory());
        say("encoding", property("file.encoding") + ", arguments " + property("sun.jnu.encoding"));
        if (choice instanceof DjlChoice) {
            libraries();
        } else {
            String key = environment.variables().getOrDefault("VLLM_API_KEY", "");
            say("VLLM_API_KEY", key.isEmpty() ? "(not set)" : "(set)");
        }
        say("model", found(() -> tryModel(choice)));
        out().println(healthy ? "all is well" : "something does not work, see the lines with an !");
        out().flush();
        return healthy ? 0 : Failures.FAILED;
    }

    private void libraries() {
        for (String name : VARIABLES) {
            say(name, environment.variables().getOrDefault(name, "(not set)"));
        }
        cudaRecipe();
        say("DJL telemetry", "true".equals(System.getProperty("OPT_OUT_TRACKING")) ? "off" : "on");
        say(
                "DJL downloads",
                Boolean.getBoolean("ai.djl.offline")
                        ? "off; on with TEMPERA_JAVA_OPTIONS=-Dai.djl.offline=false"
                        : "on, for libraries that are missing");
        say("DJL", found(() -> Engine.getDjlVersion()));
        say("PyTorch natives", natives("native/lib/pytorch.properties"));
        say("PyTorch JNI", natives("jnilib/pytorch.properties"));
        say("PyTorch", found(() -> Engine.getEngine("PyTorch").getVersion() + " loaded"));
        say("GPUs", found(() -> String.valueOf(Engine.getEngine("PyTorch").getGpuCount())));
    }

    /** PyTorch from elsewhere needs all three, or DJL looks for a JNI library that does not exist. */
    private void cudaRecipe() {
        if (environment.variables().containsKey("PYTORCH_LIBRARY_PATH")
                && !(environment.variables().containsKey("PYTORCH_VERSION")
                        && environment.variables().containsKey("PYTORCH_FLAVOR"))) {
            healthy = false;
            say(
                    "!",
                    "PYTORCH_LIBRARY_PATH also needs PYTORCH_VERSION and PYTORCH_FLAVOR, for instance 2.7.1 and cu128");
        }
    }

    private String tryModel(ModelChoice choice) {
        long start = System.nanoTime();
        try (GenerationEngine engine = environment.engines().open(choice)) {
            double loading = (System.nanoTime() - start) / 1e9;
            if (engine instanceof VllmEngine server) {
                ServerReport.lines(server.capabilities()).forEach(this::say);
            }
            GenerationResult result = engine.generate(GenerationRequest.of(
                    Prompt.chat("请写一首关于春天的诗"),
                    SamplingParameters.builder().maxTokens(16).seed(1).build()));
            return String.format(
                    Locale.ROOT,
                    choice instanceof DjlChoice
                            ? "%s loaded in %.1f s, %d tokens generated"
                            : "%s reached in %.1f s, %d tokens generated",
                    engine.model(),
                    loading,
                    result.usage().generatedTokens());
        }
    }

    private static String memory() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return String.format(
                Locale.ROOT,
                "%.1f GB, %.1f GB free; Java heap at most %.1f GB",
                system.getTotalMemorySize() / 1e9,
                system.getFreeMemorySize() / 1e9,
                Runtime.getRuntime().maxMemory() / 1e9);
    }

    private static String natives(String resource) {
        List<String> found = new ArrayList<>();
        try {
            for (URL url : Collections.list(Tempera.class.getClassLoader().getResources(resource))) {
                Properties properties = new Properties();
                try (InputStream in = url.openStream()) {
                    properties.load(in);
                }
                found.add(String.join(
                                " ",
                                properties.getProperty("version", properties.getProperty("jni_version", "?")),
                                properties.getProperty("flavor", ""),
                                properties.getProperty("classifier", ""))
                        .strip());
            }
        } catch (IOException e) {
            found.add(e.toString());
        }
        return found.isEmpty() ? "none on the class path" : String.join("; ", found);
    }

    /** A fault of one part must not hide the others: errors of linking included. */
    private String found(Supplier<String> part) {
        try {
            return part.get();
        } catch (RuntimeException | LinkageError e) {
            healthy = false;
            return "! " + (e.getMessage() == null ? e.toString() : e.getMessage());
        }
    }

    private void say(String name, String value) {
        out().println(DisplayWidth.pad(name, 22) + value);
        out().flush();
    }

    private static String property(String name) {
        return System.getProperty(name, "");
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
