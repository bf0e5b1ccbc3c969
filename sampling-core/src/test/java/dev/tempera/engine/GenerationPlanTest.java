package dev.tempera.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.engine.GenerationPlan.Placement;
import dev.tempera.engine.GenerationPlan.Stage;
import java.util.List;
import org.junit.jupiter.api.Test;

class GenerationPlanTest {
    private static final Stage LOCAL = new Stage("TopK[k=3]", Placement.LOCAL, "on the full logits", true, "");
    private static final Stage LORA = new Stage("lora", Placement.REJECTED, "there are no adapters", false, "");
    private static final Stage SALT = new Stage("cache_salt", Placement.REJECTED, "there is no cache", false, "");

    @Test
    void requireRunnable_nothingRejected_passes() {
        assertThatCode(() -> new GenerationPlan(List.of(LOCAL)).requireRunnable())
                .doesNotThrowAnyException();
    }

    @Test
    void requireRunnable_rejectedStages_areAllNamedWithTheirReasons() {
        GenerationPlan plan = new GenerationPlan(List.of(LORA, LOCAL, SALT));

        assertThat(plan.rejected()).containsExactly(LORA, SALT);
        assertThatThrownBy(plan::requireRunnable)
                .isInstanceOfSatisfying(
                        UnsupportedRequestException.class,
                        e -> assertThat(e.rejected()).containsExactly(LORA, SALT))
                .hasMessage("this engine cannot run the request as written: lora: there are no adapters; cache_salt:"
                        + " there is no cache");
    }

    @Test
    void toString_isALineForEachStage() {
        assertThat(new GenerationPlan(List.of(LOCAL, LORA)))
                .hasToString("LOCAL TopK[k=3] (on the full logits)\nREJECTED lora (there are no adapters)");
    }
}
