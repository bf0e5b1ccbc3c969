package dev.tempera.app;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleNameEndingWith;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which module may use which: this module is the one that sees all of them. */
class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.tempera");

    /** The packages of sampling-core, which everything may use. */
    private static final String[] CORE = {
        "dev.tempera", "dev.tempera.processor..", "dev.tempera.engine..", "dev.tempera.trace.."
    };

    private static final String[] JDK = {
        "java..", "javax..", "jdk..", "com.sun.management..", "org.jspecify.annotations.."
    };

    /** dev.tempera itself, and each package below it with all that is in it. */
    private static final SliceAssignment TOP_PACKAGES = new SliceAssignment() {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
            return SliceIdentifier.of(javaClass
                    .getPackageName()
                    .replaceFirst("^dev\\.tempera\\.?", "")
                    .replaceFirst("\\..*", ""));
        }

        @Override
        public String getDescription() {
            return "dev.tempera and the packages below it";
        }
    };

    /** The one exception: dialects compile parameters to processors, which are made of dev.tempera's interfaces. */
    private static final DescribedPredicate<JavaClass> DIALECT_COMPILER = resideInAPackage("dev.tempera")
            .and(simpleNameEndingWith("Dialect").or(simpleName("DialectCompiler")))
            .as("dialects");

    /** One module with what it may use beside sampling-core, the JDK and itself. */
    record Module(String packages, String... mayUse) {
        @Override
        public String toString() {
            return packages;
        }
    }

    static List<Module> modules() {
        return List.of(
                new Module(
                        "dev.tempera.tokenizer..",
                        "ai.djl..",
                        "com.hubspot.jinjava..",
                        "jinjava..",
                        "com.fasterxml.jackson.."),
                new Module("dev.tempera.djl..", "dev.tempera.tokenizer..", "ai.djl..", "com.fasterxml.jackson.."),
                new Module("dev.tempera.vllm..", "java.net.http..", "com.fasterxml.jackson.."),
                new Module("dev.tempera.presets..", "com.fasterxml.jackson.."),
                new Module(
                        "dev.tempera.evaluation..",
                        "dev.tempera.presets..",
                        "com.fasterxml.jackson..",
                        "org.knowm.xchart.."),
                new Module("dev.tempera.testkit..", "org.junit.jupiter..", "org.assertj..", "com.fasterxml.jackson.."),
                new Module("dev.tempera.samplemodel.."));
    }

    @Test
    void samplingCore_needsNothingButTheJdk() {
        classes()
                .that(resideInAnyPackage(CORE))
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(CORE).or(resideInAnyPackage(JDK)))
                .check(CLASSES);
    }

    @ParameterizedTest
    @MethodSource("modules")
    void module_usesOnlyWhatItsPlaceAllows(Module module) {
        DescribedPredicate<JavaClass> allowed = resideInAnyPackage(CORE)
                .or(resideInAnyPackage(JDK))
                .or(resideInAPackage(module.packages()))
                .or(resideInAnyPackage(module.mayUse()))
                .as("belong to it, sampling-core, the JDK or %s", List.of(module.mayUse()));
        classes()
                .that(resideInAPackage(module.packages()))
                .should()
                .onlyDependOnClassesThat(allowed)
                .check(CLASSES);
    }

    @Test
    void packages_haveNoCycles() {
        slices().assignedFrom(TOP_PACKAGES)
                .should()
                .beFreeOfCycles()
                .ignoreDependency(
                        DIALECT_COMPILER,
                        resideInAPackage("dev.tempera.processor").as("processors"))
                .check(CLASSES);
    }

    @Test
    void everyPackage_belongsToAKnownModule() {
        String[] known = modules().stream().map(Module::packages).toArray(String[]::new);
        classes()
                .should(be(describe(
                        "in a package this test knows: a new module gets a row here",
                        resideInAnyPackage(CORE).or(resideInAnyPackage(known)).or(resideInAPackage("dev.tempera.app.."))
                                ::test)))
                .check(CLASSES);
    }

    @Test
    void onlyTheProgram_printsAndExits() {
        noClasses()
                .that(not(resideInAPackage("dev.tempera.app..")))
                .should()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(CLASSES);
    }
}
