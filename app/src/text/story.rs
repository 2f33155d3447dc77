//! What the guided tour says.

use crate::story::{Scene, Verdict};

pub const SCENES: &str = "Scenes";
pub const BACK: &str = "Back";
pub const NEXT: &str = "Next";
/// Opens the scene's view of the lab, with its models.
pub const OPEN: &str = "Open in the lab";
/// Column of what is measured.
pub const MEASURED: &str = "Measured";
/// Column of the paper's numbers.
pub const PAPER: &str = "Paper";
pub const OURS: &str = "Ours";
/// A number that no bundle has.
pub const NOT_YET: &str = "not measured yet by us";
/// A number that the paper does not print.
pub const NO_PAPER: &str = "not in its tables";
/// The models of a scene are not in the catalogue.
pub const NO_RUNS: &str = "We have not trained the models of this scene yet: what you see beside it is another one.";
/// Two runs that hardly differ.
pub const UNCLEAR: &str =
    "By the first score of the table our runs do not tell: the difference is within their spread.";
/// Paper and page measure different things.
pub const HOW: &str = "The paper's numbers are means over ten classes (ResNet-18, 500 to 4,000 epochs); ours are of the one \
     class and the small network named above, so look at the direction, not at the level.";

/// Of the ensemble.
pub const ENSEMBLE: &str = "AUROC, ensemble of all layers";
pub const PROBE: &str = "Linear probe, best → last";
pub const KAPPA_ID: &str = "κ of the normal class, first → last";
pub const KAPPA_OOD: &str = "κ of the anomalies, first → last";
pub const MMD_ID: &str = "MMD² to uniform, normal class";
/// Of κ at the end of training.
pub const KAPPA_END: &str = "κ of the normal class at the end";
/// Words for a curve that the paper prints.
pub const FALLS: &str = "peaks early, then falls significantly (Fig. 2a)";
/// Words for a curve that the paper prints.
pub const DIPS: &str = "dips slightly after its peak (Fig. 2c)";
/// Words for a curve that the paper prints.
pub const DECREASES: &str = "decreases throughout (Fig. 2b, 4)";
/// Words for a curve that the paper prints.
pub const HIGHER: &str = "higher with the norm (Fig. 2b, 2e)";

/// The number of a scene.
pub fn number(scene: Scene) -> String {
    format!("Scene {} of {}", scene.number(), Scene::ALL.len())
}

pub fn auroc(scorer: &str) -> String {
    format!("AUROC, {scorer}")
}

/// A mean of the paper's.
pub fn paper_mean(value: &str, dataset: &str) -> String {
    let set = if dataset == "cifar10" { "CIFAR-10" } else { "Fashion-MNIST" };
    format!("{value} ({set}, Table 11)")
}

/// A change whose numbers are means and spreads over runs of `n` seeds.
pub fn over_seeds(change: &str, n: usize) -> String {
    format!("{change} ({n} seeds)")
}

pub fn change(before: &str, after: &str) -> String {
    // In one piece.
    format!("{before}\u{a0}→\u{a0}{after}")
}

/// From the peak to the end.
pub fn fall(best: &str, best_epoch: usize, last: &str, last_epoch: usize) -> String {
    format!("{best} (epoch {best_epoch}) → {last} (epoch {last_epoch})")
}

/// From the first to the last, and how often it went down.
pub fn steps(first: &str, last: &str, down: usize, of: usize) -> String {
    format!("{first} → {last}, down in {down} of {of} steps")
}

/// What follows from our runs.
pub fn verdict(scene: Scene, verdict: Verdict) -> Option<&'static str> {
    let (agrees, differs) = match scene {
        Scene::Training => (
            "Our run shows it too: the scores get worse while training goes on.",
            "Our run does not show it: its AUROC does not fall more than its features' quality does.",
        ),
        Scene::Kappa => {
            ("Our run shows it too: the class drifts apart.", "Our run differs: its κ does not fall throughout.")
        }
        Scene::Norm | Scene::StopGrad => (
            "As in the paper, the norm helps the first score of the table.",
            "Our runs differ from the paper here: the norm does not help the first score of the table.",
        ),
        Scene::Pollution => (
            "As in the paper, the norm helps here by the first score of the table.",
            "By the first score of the table our runs differ from the paper: the norm does not help it here.",
        ),
        Scene::Scores => (
            "As mostly in the paper, k-Cos (Mah) is the best single score of this model.",
            "In the paper k-Cos (Mah) is mostly the best single score; of this model it is not.",
        ),
        Scene::Detector | Scene::YourTurn | Scene::Live | Scene::Rivals | Scene::Collapse => return None,
    };
    match verdict {
        Verdict::Agrees => Some(agrees),
        Verdict::Differs => Some(differs),
        Verdict::Unclear => Some(UNCLEAR),
        Verdict::Open => None,
    }
}

pub fn title(scene: Scene) -> &'static str {
    match scene {
        Scene::Detector => "Know one class, doubt everything else",
        Scene::Training => "Does more training help?",
        Scene::Kappa => "What κ sees",
        Scene::Norm => "One division by a length",
        Scene::StopGrad => "A gradient beside the stop-grad",
        Scene::Pollution => "When the training set is not clean",
        Scene::Scores => "Four scores, many layers",
        Scene::YourTurn => "Your turn",
        Scene::Live => "Watch it form",
        Scene::Rivals => "What the others do",
        Scene::Collapse => "Close together is not enough",
    }
}

/// What a scene says first: two or three sentences that give nothing away.
pub fn body(scene: Scene) -> &'static str {
    match scene {
        Scene::Detector => {
            "A network has seen images of one class only, and no label. It turns every image into a direction, and the \
             angle to the nearest training direction is its anomaly score."
        }
        Scene::Training => {
            "SimCLR pulls two views of an image together and pushes all others away. The longer it trains on one class, \
             the better its loss. And the better its scores?"
        }
        Scene::Kappa => {
            "Pushing everything apart moves directions over the whole hypersphere. κ of a von Mises-Fisher distribution \
             measures how tightly those of the normal class lie; the cap on the picture holds half of them."
        }
        Scene::Norm => {
            "Divide the encoder's output by its length before the projector, and let the gradient pass through. The \
             loss then acts on directions alone. Everything else stays as it is: same images, same steps, same seed."
        }
        Scene::StopGrad => {
            "SimSiam has no negatives; its stop-grad keeps it from collapsing. In the loss only one side carries a \
             gradient, so the projection's own normalisation has none. The paper gives it one, and normalises the \
             encoder's output as well."
        }
        Scene::Pollution => {
            "In practice some anomalies hide in the training set. Here one image in ten does, and nobody knows which. A \
             compact class gives them less room to pull the score's neighbours their way."
        }
        Scene::Scores => {
            "The nearest training image or the mean, plain or after whitening: four angles from one layer, and each \
             layer gives its own. Scaled by what training images reach and added up, they make an ensemble that costs \
             one forward pass."
        }
        Scene::YourTurn => {
            "Everything so far was computed in your browser. Now try images of your own: what is normal for this model, \
             and what is not?"
        }
        Scene::Live => {
            "Press Train: two small encoders learn one digit in this tab, from the same first weights and the same \
             images. After every epoch the test images move to where the encoder now sees them. κ starts high, because \
             an untrained network sees everything alike, and falls as both spread their images; what matters is by how \
             much the others fall more. Which run tells the digit better from the others?"
        }
        Scene::Rivals => {
            "RotNet learns by telling how far an image is turned, and doubts an image whose turns it cannot tell. CSI is SimCLR \
             that pushes turned copies away as well. SimCLR(n) has never seen one turned. All three learned the same digit \
             from the same images: here it is in four positions. Which of them minds?"
        }
        Scene::Collapse => {
            "Deep SVDD learns nothing but to put its images close to one point. With biases a network could put every image \
             there, whatever is on it, so its paper forbids them: run A has none, run B has. Press Train, and watch κ of the \
             anomalies beside κ of the class, and the AUROC. Does the tightest class make the best detector?"
        }
    }
}

/// What a scene says once its question is answered.
pub fn after(scene: Scene) -> Option<&'static str> {
    Some(match scene {
        Scene::Detector => {
            "Sorted by score, the blue frames should come first. Press an image to see why it has its score."
        }
        Scene::Training => {
            "In the paper detection gets worse the longer SimCLR trains, although a linear classifier reads the features as \
             well as before: it is not the features that go bad."
        }
        Scene::Kappa => "The looser the class lies, the more room an anomaly finds among the normal images.",
        Scene::Norm => "In the paper the norm keeps the class together: left without, right with it.",
        _ => return None,
    })
}

/// Which method judges the four positions.
pub const JUDGE: &str = "Judged by";
pub const ANOTHER: &str = "Another image";

/// One position of an image, and what the method says of it.
pub fn turned(degrees: usize, judged: Option<(f32, bool)>) -> String {
    match judged {
        Some((score, anomalous)) => {
            format!(
                "{degrees}°: {score:.3}, {}",
                if anomalous { super::yours::ANOMALOUS } else { super::yours::NORMAL }
            )
        }
        None => format!("{degrees}°: …"),
    }
}

/// What a scene asks of its reader.
pub fn ask(scene: Scene) -> Option<&'static str> {
    Some(match scene {
        Scene::Detector => "Which of these two will get the higher score?",
        Scene::Training => "At the end of training: what has become of the AUROC?",
        Scene::Kappa => "Your turn: press Play, or drag the epochs back. What happens to κ, and to the cap?",
        Scene::Norm => "Which of the two keeps its class tighter, so that its κ is higher in the end?",
        Scene::Scores => {
            "Your turn: move the threshold until at most one normal image in ten is flagged. How many anomalies are caught?"
        }
        _ => return None,
    })
}

/// What there is to choose from.
pub fn choices(scene: Scene) -> &'static [&'static str] {
    match scene {
        Scene::Training => &["It has risen to the end", "It has peaked and fallen", "It has hardly moved"],
        Scene::Norm => &["The one without", "The one with the norm", "Neither"],
        _ => &[],
    }
}

/// Shows the answer without a guess.
pub const SHOW: &str = "Show me";
/// Names of the two images of the first question.
pub const PAIR: [&str; 2] = ["The left one", "The right one"];

/// What came of a guess.
pub fn outcome(right: Option<bool>, told: &str) -> String {
    match right {
        Some(true) => format!("Right. {told}"),
        Some(false) => format!("Not this time. {told}"),
        None => told.into(),
    }
}

/// The answer to which of two images scores higher.
pub fn pair_told(scores: [f32; 2], anomaly_left: bool) -> String {
    let [left, right] = scores;
    let higher = if left > right { "left" } else { "right" };
    let caught = (left > right) == anomaly_left;
    let judged = if caught { "the anomaly, as it should" } else { "the normal image: here the detector is wrong" };
    format!("Left {left:.3}, right {right:.3}: the {higher} one scores higher, {judged}.")
}

/// The answer to what became of the AUROC.
pub fn training_told(fall: &str) -> String {
    format!("AUROC of our run: {fall}.")
}

/// The answer to what became of κ.
pub fn kappa_told(epochs: [u32; 2], kappa: [&str; 2], cap: [f64; 2]) -> String {
    let [first, last] = epochs;
    format!(
        "From epoch {first} to epoch {last} κ goes from {} to {}, and the cap from {:.0}° to {:.0}°.",
        kappa[0], kappa[1], cap[0], cap[1]
    )
}

/// The answer to whose κ is higher.
pub fn norm_told(without: &str, with: &str) -> String {
    format!("Our runs end with κ {without} without the norm and {with} with it.")
}

pub fn threshold_told(caught: &str, flagged: &str) -> String {
    format!("Here {flagged} % of the normal images are flagged and {caught} % of the anomalies caught.")
}

/// A scene's formula as MathML, and what it says in words.
pub fn formula(scene: Scene) -> Option<(&'static str, &'static str)> {
    Some(match scene {
        Scene::Detector => (
            "<math display=\"block\"><mi>s</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo><mo>=</mo><mi>arccos</mi><mspace width=\"0.2em\"/><munder><mi>max</mi><mi>m</mi></munder><mspace width=\"0.2em\"/><mfrac><mrow><mi>f</mi><mo stretchy=\"false\">(</mo><msub><mi>x</mi><mi>m</mi></msub><mo stretchy=\"false\">)</mo><mo>·</mo><mi>f</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo></mrow><mrow><mo stretchy=\"false\">‖</mo><mi>f</mi><mo stretchy=\"false\">(</mo><msub><mi>x</mi><mi>m</mi></msub><mo stretchy=\"false\">)</mo><mo stretchy=\"false\">‖</mo><mspace width=\"0.2em\"/><mo stretchy=\"false\">‖</mo><mi>f</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo><mo stretchy=\"false\">‖</mo></mrow></mfrac></math>",
            "k-Cos: the angle to the nearest training image (section 2.5).",
        ),
        Scene::Training => (
            "<math display=\"block\"><mi>ℓ</mi><mo>=</mo><mo>−</mo><mi>log</mi><mfrac><mrow><mi>exp</mi><mo stretchy=\"false\">(</mo><mi>z</mi><mo>·</mo><msup><mi>z</mi><mo>′</mo></msup><mo>/</mo><mi>τ</mi><mo stretchy=\"false\">)</mo></mrow><mrow><munder><mo>∑</mo><mi>k</mi></munder><mi>exp</mi><mo stretchy=\"false\">(</mo><mi>z</mi><mo>·</mo><msub><mi>z</mi><mi>k</mi></msub><mo>/</mo><mi>τ</mi><mo stretchy=\"false\">)</mo></mrow></mfrac></math>",
            "NT-Xent: the other view z′ near, all other images away (section 2.1).",
        ),
        Scene::Kappa => (
            "<math display=\"block\"><mi>p</mi><mo stretchy=\"false\">(</mo><mi>y</mi><mo stretchy=\"false\">)</mo><mo>=</mo><msub><mi>C</mi><mi>d</mi></msub><mo stretchy=\"false\">(</mo><mi>κ</mi><mo stretchy=\"false\">)</mo><mspace width=\"0.2em\"/><mi>exp</mi><mo stretchy=\"false\">(</mo><mi>κ</mi><mspace width=\"0.2em\"/><mi>μ</mi><mo>·</mo><mi>y</mi><mo stretchy=\"false\">)</mo></math>",
            "von Mises-Fisher, the sphere's Gaussian: κ is its concentration (section 2.2).",
        ),
        Scene::Norm => (
            "<math display=\"block\"><mi>y</mi><mo>=</mo><mfrac><mrow><mi>f</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo></mrow><mrow><mo stretchy=\"false\">‖</mo><mi>f</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo><mo stretchy=\"false\">‖</mo></mrow></mfrac></math>",
            "Norm f, between encoder and projector (section 2.3).",
        ),
        Scene::StopGrad => (
            "<math display=\"block\"><mi>z</mi><mo>=</mo><mfrac><mrow><mi>g</mi><mo stretchy=\"false\">(</mo><mi>y</mi><mo stretchy=\"false\">)</mo></mrow><mrow><mo stretchy=\"false\">‖</mo><mi>g</mi><mo stretchy=\"false\">(</mo><mi>y</mi><mo stretchy=\"false\">)</mo><mo stretchy=\"false\">‖</mo></mrow></mfrac><mo>,</mo><mspace width=\"1em\"/><mi>ℓ</mi><mo>=</mo><mo>−</mo><mi>cos</mi><mo stretchy=\"false\">(</mo><mi>h</mi><mo stretchy=\"false\">(</mo><mi>z</mi><mo stretchy=\"false\">)</mo><mo>,</mo><mi>sg</mi><mo stretchy=\"false\">(</mo><msup><mi>z</mi><mo>′</mo></msup><mo stretchy=\"false\">)</mo><mo stretchy=\"false\">)</mo></math>",
            "Norm g, with gradient through the predictor h; sg stops it on the other side (section 2.4).",
        ),
        Scene::Pollution => (
            "<math display=\"block\"><mi>D</mi><mo>=</mo><mo stretchy=\"false\">(</mo><mn>1</mn><mo>−</mo><mi>p</mi><mo stretchy=\"false\">)</mo><msub><mi>D</mi><mtext>ID</mtext></msub><mo>+</mo><mi>p</mi><mspace width=\"0.2em\"/><msub><mi>D</mi><mtext>OOD</mtext></msub><mo>,</mo><mspace width=\"1em\"/><mi>p</mi><mo>=</mo><mn>0.1</mn></math>",
            "A share p of the training set is not what it should be (section 3.2.2).",
        ),
        Scene::Scores => (
            "<math display=\"block\"><mi>Ens</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo><mo>=</mo><munder><mo>∑</mo><mi>l</mi></munder><mfrac><mrow><msub><mi>s</mi><mi>l</mi></msub><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo><mo>−</mo><mi>min</mi><msub><mi>s</mi><mi>l</mi></msub></mrow><mrow><mi>max</mi><msub><mi>s</mi><mi>l</mi></msub><mo>−</mo><mi>min</mi><msub><mi>s</mi><mi>l</mi></msub></mrow></mfrac></math>",
            "Each score by the range that training images have (appendix C).",
        ),
        Scene::YourTurn | Scene::Live | Scene::Rivals | Scene::Collapse => return None,
    })
}
