package dev.tempera.app;

import dev.tempera.Dialect;
import dev.tempera.SamplingParameters;
import dev.tempera.TemperaException;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.presets.Preset;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tempera chat}: a conversation whose sampling can be changed between turns. */
@Command(
        name = "chat",
        description = "Talk with the model; /temperature 1.2, /preset NAME and the like change the sampling.",
        sortOptions = false)
final class ChatCommand implements Callable<Integer> {
    private final Environment environment;
    private final List<ChatMessage> conversation = new ArrayList<>();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private PresetOption presetOption = new PresetOption();

    @Mixin
    private LanguageOption languageOption = new LanguageOption();

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "A system message before the conversation; without it the preset's, where it has one.")
    private @Nullable String system;

    private String presetName = "";
    private @Nullable String systemPrompt;
    private SamplingParameters parameters = SamplingParameters.NEUTRAL;
    private Language language = Language.EN;

    ChatCommand(Environment environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() throws IOException {
        SamplingParameters given = SamplingOptions.read(spec.commandLine().getParseResult(), Dialect.VLLM);
        language = languageOption.language(environment.variables());
        ModelChoice choice = model.choice(environment.variables());
        start(presetOption.orDefault());
        parameters = parameters.overrideWith(given);
        SamplingOptions.asTyped(given.toMap().keySet(), () -> parameters.toPipeline());
        warn();
        boolean keyboard = environment.terminal().readsKeyboard();
        try (GenerationEngine engine = environment.engines().open(choice);
                BufferedReader input =
                        new BufferedReader(new InputStreamReader(environment.input(), StandardCharsets.UTF_8))) {
            greet(engine, keyboard);
            while (true) {
                if (keyboard) {
                    out().print("> ");
                    out().flush();
                }
                String line = input.readLine();
                if (line == null || isQuit(line.strip()) || out().checkError()) {
                    return 0;
                }
                if (!line.isBlank()) {
                    turn(engine, line.strip());
                }
            }
        }
    }

    private static boolean isQuit(String line) {
        return line.equals("/quit") || line.equals("/exit");
    }

    private void greet(GenerationEngine engine, boolean keyboard) {
        if (!keyboard) {
            return;
        }
        out().println(language.say("模型 ", "Model ") + engine.model());
        showParameters();
        showSystemPrompt();
        out().println(language.say(
                "输入消息后回车；/temperature 1.2 调整参数，/help 查看命令，/quit 退出。",
                "Type a message. /temperature 1.2 changes the sampling, /help lists commands, /quit ends."));
        out().println();
    }

    /** A mistake in one turn must not end the conversation. */
    private void turn(GenerationEngine engine, String line) {
        try {
            if (line.startsWith("/")) {
                command(line);
            } else {
                answer(engine, line);
            }
        } catch (TemperaException | InputException e) {
            out().flush();
            ((Failures) spec.commandLine().getExecutionExceptionHandler()).report(e, spec.commandLine());
        }
    }

    private void answer(GenerationEngine engine, String message) {
        List<ChatMessage> messages = new ArrayList<>();
        if (systemPrompt != null) {
            messages.add(ChatMessage.system(systemPrompt));
        }
        messages.addAll(conversation);
        messages.add(ChatMessage.user(message));
        GenerationRequest request = GenerationRequest.of(new Prompt.Chat(messages), parameters);
        try (TokenStream stream = engine.stream(request)) {
            try {
                while (stream.hasNext() && !out().checkError()) {
                    out().print(stream.next().text());
                }
            } finally {
                out().println(); // What went wrong stands on a line of its own, below the text so far.
                out().flush();
            }
            GenerationResult result = stream.result();
            if (result.finishReason().equals(FinishReason.ABORT)) {
                throw new GenerationException("the engine ended this turn before its time", result, null);
            }
            conversation.add(ChatMessage.user(message));
            conversation.add(ChatMessage.assistant(result.text()));
        }
    }

    private void command(String line) {
        String[] words = line.substring(1).split("\\s+", 2);
        String argument = words.length > 1 ? words[1] : "";
        switch (words[0]) {
            case "help" -> help();
            case "reset" -> {
                conversation.clear();
                out().println(language.say("对话已清空。", "The conversation starts anew."));
            }
            case "parameters" -> {
                showParameters();
                showSystemPrompt();
            }
            case "preset" -> {
                start(presetOption.named(argument));
                showParameters();
                showSystemPrompt();
            }
            default -> change(words[0].replace('-', '_'), argument);
        }
    }

    private void start(Preset preset) {
        systemPrompt = PresetOption.systemPrompt(system, preset, language);
        presetName = preset.name();
        parameters = preset.parameters();
    }

    private void change(String name, String value) {
        if (!SamplingParameters.names().contains(name)) {
            throw new InputException("there is no command /" + name.replace('_', '-') + "; /help lists them");
        }
        if (value.isEmpty()) {
            throw new InputException("/" + name + " needs a value, for instance /temperature 1.2");
        }
        SamplingParameters changed = parameters.overrideWith(SamplingOptions.read(name, value));
        changed.toPipeline();
        parameters = changed;
        warn();
        showParameters();
    }

    private void warn() {
        PrintWriter err = spec.commandLine().getErr();
        parameters.warnings().forEach(warning -> err.println("warning: " + warning));
        presetOption.named(presetName).check(parameters).forEach(warning -> err.println("warning: " + warning));
    }

    private void help() {
        out().println(language.say("""
                /temperature 1.2     调整一个采样参数：temperature、top_p、top_k、min_p、repetition_penalty、seed 等
                /preset NAME         换用预设及其系统提示；tempera presets 列出全部
                /parameters          显示当前参数
                /reset               清空对话
                /quit, /exit         退出""", """
                /temperature 1.2     sets a sampling parameter: temperature, top_p, top_k, min_p, repetition_penalty, seed, ...
                /preset NAME         starts from another preset and its system message; tempera presets lists them
                /parameters          shows what is in force
                /reset               starts the conversation anew
                /quit, /exit         ends"""));
    }

    private void showParameters() {
        out().println(language.say("参数 ", "Parameters ")
                + parameters.toMap()
                + language.say("（预设 ", " (preset ")
                + presetName
                + language.say("）", ")"));
    }

    private void showSystemPrompt() {
        if (systemPrompt != null) {
            out().println(language.say("系统提示 ", "System message ") + systemPrompt);
        }
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
