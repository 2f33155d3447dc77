//! The field's words, each with an explanation. Texts use them as they are; where a text is shown, the first of each
//! is dotted and explains itself ([`crate::components::Prose`]).

/// A word, in every spelling that texts have of it, and what it means.
pub struct Term {
    /// Spellings.
    pub spellings: &'static [&'static str],
    /// One or two plain sentences.
    pub meaning: &'static str,
}

const fn term(spellings: &'static [&'static str], meaning: &'static str) -> Term {
    Term { spellings, meaning }
}

#[rustfmt::skip]
pub const TERMS: &[Term] = &[
    term(&["k-Cos (Mah)", "c-Cos (Mah)"],
        "The same angle after whitening: directions in which training images differ a lot count less, those in which they \
         agree count more (Mahalanobis space)."),
    term(&["k-Cos (Mah, centred)", "k-Cos (Mah, uncentred)"],
        "k-Cos after whitening, with or without moving the mean of the training images to the origin first."),
    term(&["k-Cos"],
        "The angle between an image's features and those of the training image nearest to it. Small is typical, large anomalous."),
    term(&["c-Cos"],
        "The angle between an image's features and the mean of all training images. Small is typical, large anomalous."),
    term(&["Mahalanobis"],
        "Distance from the mean, measured along each direction in units of how much training images vary there."),
    term(&["KDE"], "Kernel density: how crowded it is with training images around this one."),
    term(&["Gaussian (GDE)"], "One bell curve in all dimensions fitted to the training images; the score is how far out an image lies."),
    term(&["OC-SVM"], "One-class support vector machine: a border drawn around the training images."),
    term(&["kNN (L2)"], "The distance to the nearest training images."),
    term(&["Distance to the centre"], "How far an image lies from the one point that all training images were pulled towards."),
    term(&["Transformations told"],
        "How surely the model tells by how much an image was turned or moved. It learned to on the training images; on others it is less sure."),
    term(&["CSI"],
        "Turned by each quarter, an image is anomalous where it lies far from the training images, turned alike, or where the model \
         cannot tell by how much it was turned."),
    term(&["Transformations told (Dirichlet)"],
        "How unlike those of training images the model's answers are, when an image is turned and moved in 72 ways and it tells how."),
    term(&["Gaussian of refined data (STOC)"],
        "One bell curve fitted to the training images that are left once several such curves have thrown out the doubtful ones."),
    term(&["GOAD"],
        "Turned and moved in many ways, an image is anomalous where its pictures do not land at the places where those of training \
         images do."),
    term(&["Taken for an anomaly"], "How surely the model, which learned to tell the training images from points around them, takes an image for such a point."),
    term(&["Badly restored"],
        "How much is wrong in the image when the model restores its colours and which way is up."),
    term(&["Energy (ELSA)", "ELSA"],
        "How far an image lies from all the places that stand for the training images. The model was told a few anomalies while it learned."),
    term(&["Deep SVDD"],
        "Deep support vector data description: it learns to put all training images close to one point; far from it is anomalous."),
    term(&["kNN"], "Nearest neighbours vote: how well an image's class follows from the images nearest to it."),
    term(&["AUROC"],
        "How often a random anomaly scores higher than a random normal image. 100 % is a perfect order, 50 % is a coin."),
    term(&["AUPR"], "Area under the precision-recall curve: how clean the list is when images are called out from the top."),
    term(&["FPR95"], "The share of normal images flagged at the threshold that catches 95 % of the anomalies. Low is good."),
    term(&["TPR"], "True positive rate: the share of anomalies that the threshold catches."),
    term(&["FPR"], "False positive rate: the share of normal images that the threshold flags by mistake."),
    term(&["ROC curve"], "Every threshold at once: what each would catch, against what it would flag by mistake."),
    term(&["κ", "kappa"],
        "Kappa says how tightly directions huddle on the hypersphere: 0 is spread evenly, hundreds is a tight bundle."),
    term(&["von Mises-Fisher"], "The bell curve of the sphere: a mean direction, and κ, which says how tightly the others lie around it."),
    term(&["MMD", "MMD²"], "How far the features are from being spread evenly over the sphere: 0 is even."),
    term(&["effective rank", "Effective rank"], "How many directions the features really use. Near 1, the network has collapsed to one answer."),
    term(&["hypersphere"], "The sphere of all directions, in 64 dimensions or more. An image is one point of it."),
    term(&["PCA", "principal components", "Principal components"],
        "The few directions along which images differ most. What the other directions hold is left out of the picture."),
    term(&["ID mean", "ID"], "In distribution: the class that the model learned, here called normal. Their mean direction is the pole."),
    term(&["OOD"], "Out of distribution: images of any other class, here called anomalies."),
    term(&["features"], "The numbers that the network makes of an image. Images that look alike to it get features that point the same way."),
    term(&["block 4", "block 3", "block 2", "block 1"],
        "The network works in four blocks. Early ones see edges and colours, late ones whole shapes; each gives features of its own."),
    term(&["pooled"], "Averaged over the picture, so that it does not matter where in it something is."),
    term(&["Ensemble", "ensemble", "Ens"], "Scores of several layers, each brought to the same scale, added up."),
    term(&["SimCLR(n-)", "SimCLR(-)"],
        "SimCLR in which an image turned by 90, 180 or 270 degrees counts as a different one. With an n, the norm is added."),
    term(&["SimCLR(n)"], "SimCLR with the norm: the encoder's output is divided by its length before the loss sees it."),
    term(&["SimSiam(n)"], "SimSiam with the norm: outputs are divided by their length, and the gradient passes through."),
    term(&["BYOL(n)"], "BYOL with the norm: outputs are divided by their length, and the gradient passes through."),
    term(&["SimCLR"], "Training without labels: two altered copies of an image are pulled together, all others pushed away."),
    term(&["SimSiam"], "Training without labels: one altered copy of an image learns to predict the other. Nothing is pushed away."),
    term(&["BYOL"], "Training without labels: a network predicts what a slowly following copy of itself makes of another view."),
    term(&["RotNet"], "Training without labels: the network tells by how much an image was turned."),
    term(&["norm f", "norm g", "Norm f", "Norm g", "the norm"],
        "Dividing an output by its length, so that only its direction counts: f is the encoder's output, g the projector's."),
    term(&["encoder"], "The part of the network that turns an image into features. It is kept after training."),
    term(&["projector"], "A small network behind the encoder that only training uses; the loss looks at its output."),
    term(&["stop-grad"], "One side of the comparison is held still while the other learns from it; without it everything would collapse to one point."),
    term(&["NT-Xent"], "SimCLR's loss: the other view of an image must be nearer than every other image."),
    term(&["linear classifier", "linear probe", "Linear probe"],
        "The simplest classifier on top of frozen features: it tells how much about the classes is in them."),
    term(&["outliers", "polluted"], "Images of other classes that slipped into the training set, as happens in practice."),
    term(&["epochs", "epoch"], "One pass of training over all its images."),
    term(&["whitening"], "Stretching the space so that training images vary equally in all directions."),
    term(&["ResNet-18"], "A common image network of eighteen layers; base width says how many channels it has."),
    term(&["synth-digits"], "Digits drawn by a program in this page, in many shapes, colours and backgrounds. Nothing is downloaded."),
    term(&["Fashion-MNIST"], "70,000 small grey pictures of clothes in ten classes."),
    term(&["CIFAR-100"], "60,000 small photographs in a hundred classes."),
    term(&["CIFAR-10"], "60,000 small photographs of animals and vehicles in ten classes."),
    term(&["SVHN"], "Photographs of house numbers, cut to single digits."),
    term(&["WebGPU"], "The way for web pages to compute on the graphics processor. Without it the CPU does the same work, slower."),
];

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Words that explain themselves.
    Plain(String),
    /// A term as it stands there, and its meaning.
    Term(String, &'static str),
}

/// A text in pieces: the first occurrence of each term stands alone.
pub fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut end) = (Vec::new(), 0);
    let mut left: Vec<&Term> = TERMS.iter().collect();
    // The next term is the one that begins first; of two that begin together it is the longer.
    while let Some((start, word, at)) = left
        .iter()
        .enumerate()
        .flat_map(|(at, term)| term.spellings.iter().filter_map(move |word| Some((find(text, end, word)?, *word, at))))
        .min_by_key(|(start, word, _)| (*start, std::cmp::Reverse(word.len())))
    {
        if start > end {
            pieces.push(Piece::Plain(text[end..start].into()));
        }
        pieces.push(Piece::Term(word.into(), left.swap_remove(at).meaning));
        end = start + word.len();
    }
    if end < text.len() {
        pieces.push(Piece::Plain(text[end..].into()));
    }
    pieces
}

/// Where a word stands as a whole word for the first time from a place on.
fn find(text: &str, from: usize, word: &str) -> Option<usize> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-');
    let mut places = text[from..].match_indices(word).map(|(at, _)| from + at);
    places.find(|&start| !part(text[..start].chars().next_back()) && !part(text[start + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every text of the page, as it is written.
    const TEXTS: [&str; 9] = [
        include_str!("mod.rs"),
        include_str!("compact.rs"),
        include_str!("models.rs"),
        include_str!("score.rs"),
        include_str!("shell.rs"),
        include_str!("sphere.rs"),
        include_str!("story.rs"),
        include_str!("train.rs"),
        include_str!("../../../index.html"),
    ];

    /// Abbreviations and names that are no terms of the field.
    const EVERYDAY: &[&str] = &[
        "NSA",
        "CPU",
        "CSV",
        "SVG",
        "PNG",
        "JPEG",
        "WebP",
        "GIF",
        "HEIC",
        "URL",
        "MIT",
        "SE",
        "MB",
        "kB",
        "PC",
        "PgUp",
        "PgDn",
        "RUN",
        "WebAssembly",
        "JavaScript",
        "MNIST",
        "CIFAR",
        "ResNet",
        "Cos",
        "Xent",
        "SVM",
        "DOM",
        "iPhone",
    ];

    /// Text between quotation marks, without formulas and without names of errors and test ids.
    fn literals(source: &str) -> String {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|l| !l.trim_start().starts_with("//") && !l.contains("<math"));
        let code: String = lines.map(|l| format!("{l}\n")).collect();
        let quoted: Vec<&str> = code.split('"').skip(1).step_by(2).collect();
        quoted.join(" \u{b6} ")
    }

    fn spoken() -> String {
        TEXTS[..8].iter().map(|source| literals(source)).collect::<Vec<_>>().join(" \u{b6} ")
    }

    /// Words that nobody says outside the field: Greek letters, two capitals in a row, capitals inside a word.
    fn technical(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '²').filter(|w| !w.is_empty());
        let odd = |word: &&str| {
            let letters: Vec<char> = word.chars().collect();
            let greek = letters.iter().any(|c| ('α'..='ω').contains(c));
            let inner = letters.windows(2).any(|pair| pair[1].is_ascii_uppercase() && pair[0].is_alphabetic());
            greek || inner
        };
        // Names of JavaScript's errors are matched, not shown.
        words.filter(odd).filter(|word| !word.ends_with("Error")).collect()
    }

    #[test]
    fn every_term_in_the_texts_has_an_explanation() {
        let explained: BTreeSet<&str> = TERMS.iter().flat_map(|t| t.spellings).flat_map(|s| technical(s)).collect();
        let spoken = spoken();
        let used = technical(&spoken);
        assert!(used.contains("AUROC") && used.contains("κ") && used.contains("SimCLR"), "{used:?}");
        let missing: Vec<_> = used.iter().filter(|w| !explained.contains(*w) && !EVERYDAY.contains(w)).collect();
        assert!(missing.is_empty(), "add these to TERMS in app/src/text/terms.rs: {missing:?}");
    }

    #[test]
    fn every_explanation_is_of_a_term_that_the_texts_use() {
        // Names of methods and of blocks are put together by programs.
        let composed = ["SimCLR(n-)", "SimCLR(n)", "SimSiam(n)", "BYOL(n)", "BYOL", "block 4"];
        let spoken = spoken() + TEXTS[8];
        let unused: Vec<_> = TERMS
            .iter()
            .filter(|t| !t.spellings.iter().any(|s| find(&spoken, 0, s).is_some() || composed.contains(s)))
            .map(|t| t.spellings[0])
            .collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn a_text_is_cut_where_its_terms_stand() {
        let text = "k-Cos (Mah) on block 4, pooled; k-Cos too. κ, not kappa; decoders.";
        let found = pieces(text);
        let whole: String = found
            .iter()
            .map(|p| match p {
                Piece::Plain(t) | Piece::Term(t, _) => t.as_str(),
            })
            .collect();
        assert_eq!(whole, text);
        let words: Vec<&str> = found
            .iter()
            .filter_map(|p| if let Piece::Term(word, _) = p { Some(word.as_str()) } else { None })
            .collect();
        assert_eq!(words, ["k-Cos (Mah)", "block 4", "pooled", "k-Cos", "κ"], "each once, the longest at its place");
        assert_eq!(pieces("Nothing special"), [Piece::Plain("Nothing special".into())]);
        assert!(pieces("").is_empty());
    }
}
