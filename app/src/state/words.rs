//! Choices of a few: enums whose values are words of the URL.

use serde::{Deserialize, Serialize};

/// An enum whose values are words of the URL.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// Every value, in the order of menus.
            pub const ALL: &[Self] = &[$(Self::$value),*];

            /// The word in the URL.
            pub fn word(self) -> &'static str {
                match self { $(Self::$value => $word),* }
            }

            /// The value of a word; none of an unknown one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$value),)* _ => None }
            }
        }
    };
}

words! {
    /// What the page shows below its menus.
    View {
        /// The gallery with the histogram beside it, and own images.
        #[default]
        Score = "score",
        /// Histogram, threshold and ROC curve at full width.
        Separate = "separate",
        /// What was measured during training, of one model or two.
        Compact = "compact",
        Sphere = "sphere",
        Story = "story",
        /// Two runs that train in the page.
        Train = "train",
        /// A person's own images as the normal ones.
        Yours = "yours",
    }
}

words! {
    /// How the hypersphere is drawn.
    Projection {
        /// The pole is the ID mean, the distance from it the true angle.
        #[default]
        Angle = "angle",
        /// The first three principal components.
        Pca = "pca",
    }
}

words! {
    /// A part of the page that a link can hide (`hide=header,controls`), for a lecture's frame. Elements carry the
    /// word as `data-part`, the root lists the hidden ones as `data-hide`, and `assets/style/shell.css` does the rest.
    Part {
        #[default]
        Header = "header",
        /// The links to the views.
        Tabs = "tabs",
        /// The menus for model, score and engine.
        Controls = "controls",
        /// The line about the engine.
        Status = "status",
        /// The card about the model.
        Model = "model",
        /// Headings and explanations of views.
        Lead = "lead",
        /// Filters and orders above pictures and charts.
        Toolbar = "toolbar",
        Data = "data",
        Gallery = "gallery",
        /// The histogram with its threshold.
        Histogram = "histogram",
        Roc = "roc",
        Curves = "curves",
        Epochs = "epochs",
        Sphere = "sphere",
        Own = "own",
        Footer = "footer",
    }
}

words! {
    /// Which engine scores the images.
    BackendChoice {
        /// WebGPU where a hardware adapter answers, else the CPU.
        #[default]
        Auto = "auto",
        /// WebGPU, also on a software adapter.
        Webgpu = "webgpu",
        Cpu = "cpu",
    }
}

words! {
    /// The order of the gallery.
    Sort {
        /// From the most typical image to the most anomalous.
        #[default]
        Score = "score",
        /// By class, the ID class first.
        Class = "class",
    }
}

words! {
    /// Which images the gallery shows.
    Filter {
        #[default]
        All = "all",
        /// Those of the ID class.
        Id = "id",
        Ood = "ood",
        /// Those on the wrong side of the threshold.
        Mistakes = "mistakes",
    }
}

words! {
    /// What a person's own images are, for what augmentation may change of them in training.
    #[derive(Serialize, Deserialize)]
    OwnKind {
        /// Taken with a camera: a mirrored one or a part of one is as normal as they.
        #[default]
        Photos = "photos",
        /// Drawn or written by hand: what is mirrored is something else.
        Drawings = "drawings",
    }
}
