package dev.tempera.app;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.processor.StandardProcessors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** What the sources and poms of all modules must have; class files no longer show it. */
class SourcesTest {
    private static final Path ROOT = root();

    private static final Pattern PUBLIC_TYPE = Pattern.compile(
            "public (?:(?:abstract|final|sealed|non-sealed|strictfp) )*(?:class|interface|record|enum|@interface) (\\w+).*");

    static List<Path> modules() throws Exception {
        List<Path> modules = new ArrayList<>();
        Element project = pom(ROOT);
        for (Element module : children(child(project, "modules"))) {
            modules.add(ROOT.resolve(module.getTextContent()));
        }
        return modules;
    }

    static List<Path> deployedModules() throws Exception {
        List<Path> deployed = new ArrayList<>();
        for (Path module : modules()) {
            if (!Files.readString(module.resolve("pom.xml")).contains("<maven.deploy.skip>true</maven.deploy.skip>")) {
                deployed.add(module);
            }
        }
        return deployed;
    }

    @Test
    void everyPackage_livesInOneModule() throws Exception {
        Map<String, Set<String>> modulesByPackage = javaSources().stream()
                .collect(groupingBy(file -> packageOf(file), TreeMap::new, mapping(file -> moduleOf(file), toSet())));
        modulesByPackage.values().removeIf(modules -> modules.size() == 1);
        assertThat(modulesByPackage).isEmpty();
    }

    @Test
    void everyPackage_isNullMarked() throws Exception {
        List<String> missing = new ArrayList<>();
        for (Path directory : javaSources().stream().map(Path::getParent).collect(toSet())) {
            Path info = directory.resolve("package-info.java");
            if (!Files.exists(info) || !Files.readString(info).contains("@NullMarked")) {
                missing.add(ROOT.relativize(directory).toString());
            }
        }
        assertThat(missing)
                .as("packages without @NullMarked in package-info.java")
                .isEmpty();
    }

    @Test
    void everyPublicType_hasJavadoc() throws Exception {
        List<String> missing = new ArrayList<>();
        for (Path file : javaSources()) {
            if (!hasJavadoc(Files.readAllLines(file))) {
                missing.add(ROOT.relativize(file).toString());
            }
        }
        assertThat(missing).as("public types without Javadoc").isEmpty();
    }

    /** Whether the file's public top-level type, if it has one, follows a comment; annotations may stand between. */
    private static boolean hasJavadoc(List<String> lines) {
        for (int i = 0; i < lines.size(); i++) {
            if (PUBLIC_TYPE.matcher(lines.get(i)).matches()) {
                int above = i - 1;
                while (above >= 0
                        && (lines.get(above).startsWith("@") || lines.get(above).startsWith("    "))) {
                    above--;
                }
                return above >= 0 && lines.get(above).strip().endsWith("*/");
            }
        }
        return true;
    }

    @ParameterizedTest
    @MethodSource("deployedModules")
    void deployedModule_hasWhatMavenCentralDemands(Path module) throws Exception {
        Element project = pom(module);
        boolean inherits = child(project, "parent") != null;
        assertThat(text(project, "name")).as("name").startsWith("Tempera");
        assertThat(text(project, "description")).as("description").isNotBlank();
        // The rest is inherited, except by the BOM, which has no parent.
        Element owner = inherits ? pom(ROOT) : project;
        for (String required : List.of("url", "licenses", "developers", "scm")) {
            assertThat(child(owner, required)).as(required).isNotNull();
        }
        assertThat(text(child(child(owner, "licenses"), "license"), "name")).isEqualTo("Apache-2.0");
    }

    @Test
    void everyDeployedJar_isInTheBom() throws Exception {
        Set<String> bom =
                children(child(child(pom(ROOT.resolve("bom")), "dependencyManagement"), "dependencies")).stream()
                        .map(dependency -> text(dependency, "artifactId"))
                        .collect(toSet());
        Set<String> deployed = new TreeSet<>();
        for (Path module : deployedModules()) {
            deployed.add(text(pom(module), "artifactId"));
        }
        deployed.remove("tempera-bom");
        assertThat(bom).isEqualTo(deployed);
    }

    @Test
    void moduleName_isAPackageOfTheModule() throws Exception {
        for (Path module : modules()) {
            Element properties = child(pom(module), "properties");
            if (properties != null) {
                String name = text(properties, "module.name");
                assertThat(module.resolve("src/main/java").resolve(name.replace('.', '/')))
                        .isDirectory();
            }
        }
    }

    @Test
    void everyVersion_isPinnedInTheParent() throws Exception {
        Pattern version = Pattern.compile("<version>(?!\\$\\{)([^<]*)</version>");
        for (Path module : modules()) {
            if (module.endsWith("bom")) {
                continue;
            }
            String pom = Files.readString(module.resolve("pom.xml")).replaceFirst("(?s)<parent>.*?</parent>", "");
            Matcher found = version.matcher(pom);
            assertThat(found.find() ? found.group() : "")
                    .as("a version in %s", module)
                    .isEmpty();
        }
    }

    @Test
    void everyProcessor_hasARowInTheDocs() throws Exception {
        String page = Files.readString(ROOT.resolve("docs/processors.md"));
        assertThat(new StandardProcessors().processors().keySet())
                .allSatisfy(name -> assertThat(page).contains("\n| `" + name + "` |"));
    }

    @Test
    void documents_linkOnlyToWhatExists() throws Exception {
        Pattern link = Pattern.compile("\\]\\((?!https?:)([^)#]+)[^)]*\\)");
        List<String> broken = new ArrayList<>();
        for (Path folder : List.of(ROOT, ROOT.resolve("docs"), ROOT.resolve("sample-model"))) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path page :
                        files.filter(file -> file.toString().endsWith(".md")).toList()) {
                    Matcher target = link.matcher(Files.readString(page));
                    while (target.find()) {
                        if (!Files.exists(folder.resolve(target.group(1)))) {
                            broken.add(ROOT.relativize(page) + ": " + target.group(1));
                        }
                    }
                }
            }
        }
        assertThat(broken).isEmpty();
    }

    private static List<Path> javaSources() throws Exception {
        List<Path> sources = new ArrayList<>();
        for (Path module : modules()) {
            Path main = module.resolve("src/main/java");
            if (Files.isDirectory(main)) {
                try (Stream<Path> files = Files.walk(main)) {
                    files.filter(file -> file.toString().endsWith(".java"))
                            .filter(file -> !file.endsWith("module-info.java"))
                            .forEach(sources::add);
                }
            }
        }
        assertThat(sources).isNotEmpty();
        return sources;
    }

    private static String moduleOf(Path source) {
        return ROOT.relativize(source).getName(0).toString();
    }

    private static String packageOf(Path source) {
        Path module = ROOT.resolve(moduleOf(source));
        return module.resolve("src/main/java")
                .relativize(source.getParent())
                .toString()
                .replace('\\', '/')
                .replace('/', '.');
    }

    private static Element pom(Path folder) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        return factory.newDocumentBuilder()
                .parse(folder.resolve("pom.xml").toFile())
                .getDocumentElement();
    }

    private static String text(Element parent, String name) {
        Element child = child(parent, name);
        return child == null ? "" : child.getTextContent().strip();
    }

    private static @Nullable Element child(Element parent, String name) {
        return children(parent).stream()
                .filter(element -> element.getTagName().equals(name))
                .findFirst()
                .orElse(null);
    }

    private static List<Element> children(Element parent) {
        List<Element> children = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element) {
                children.add(element);
            }
        }
        return children;
    }

    private static Path root() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.exists(folder.resolve("sampling-core/pom.xml"))) {
            folder = folder.getParent();
            if (folder == null) {
                throw new AssertionError("not inside a checkout: " + Path.of("").toAbsolutePath());
            }
        }
        return folder;
    }
}
