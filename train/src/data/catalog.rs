//! The data sets that are known by name: what is in them, and where their publishers keep them.

use nsa_core::config::IMAGENET_SIZE;
use nsa_core::data::SIZE;

/// A data set known by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Names of the classes, by label.
    pub classes: &'static [&'static str],
    /// Images to learn from, as published.
    pub train: usize,
    /// Images to be scored, as published.
    pub test: usize,
    /// Whether an image still belongs to its class when mirrored: digits do not.
    pub mirrors: bool,
    /// Height and width of the images that models are shown.
    pub side: usize,
    /// What the files are.
    pub format: &'static str,
    /// Its publisher's page.
    pub home: &'static str,
    /// Where the files are, ending in a slash; empty where they cannot be fetched by a program.
    pub base_url: &'static str,
    /// The published files; none where nothing can be fetched.
    pub files: &'static [Remote],
}

/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Its name at the publisher and here.
    pub name: &'static str,
    /// Its MD5, in hexadecimal: the only checksum these publishers give.
    pub md5: &'static str,
    /// The MD5 of what is packed in it, where people keep that unpacked or pack it again.
    pub content_md5: Option<&'static str>,
}

/// Every data set known by name, the built-in one first.
pub const KNOWN: &[Known] = &[
    Known {
        name: "synth-digits",
        title: "synth-digits",
        classes: &nsa_core::data::synth_digits::CLASSES,
        train: 10 * nsa_core::data::synth_digits::TRAIN_PER_CLASS,
        test: 10 * nsa_core::data::synth_digits::TEST_PER_CLASS,
        mirrors: false,
        side: SIZE,
        format: "built in: drawn when needed, nothing to download",
        home: "",
        base_url: "",
        files: &[],
    },
    Known {
        name: "fashion-mnist",
        title: "Fashion-MNIST",
        classes: &[
            "t-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle-boot",
        ],
        train: 60_000,
        test: 10_000,
        mirrors: true,
        side: SIZE,
        format: "IDX, gzip or plain; grey 28 x 28, resized to 32 x 32 and repeated to three channels",
        home: "https://github.com/zalandoresearch/fashion-mnist",
        base_url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        files: &[
            Remote {
                name: "train-images-idx3-ubyte.gz",
                md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                content_md5: Some("f4a8712d7a061bf5bd6d2ca38dc4d50a"),
            },
            Remote {
                name: "train-labels-idx1-ubyte.gz",
                md5: "25c81989df183df01b3e8a0aad5dffbe",
                content_md5: Some("9018921c3c673c538a1fc5bad174d6f9"),
            },
            Remote {
                name: "t10k-images-idx3-ubyte.gz",
                md5: "bef4ecab320f06d8554ea6380940ec79",
                content_md5: Some("8181f5470baa50b63fa0f6fddb340f0a"),
            },
            Remote {
                name: "t10k-labels-idx1-ubyte.gz",
                md5: "bb300cfdad3c16e7a12a480ee83cd310",
                content_md5: Some("15d484375f8d13e6eb1aabb0c3f46965"),
            },
        ],
    },
    Known {
        name: "cifar10",
        title: "CIFAR-10",
        classes: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        train: 50_000,
        test: 10_000,
        mirrors: true,
        side: SIZE,
        format: "binary version (tar.gz or unpacked), or a folder or zip of images",
        home: "https://www.cs.toronto.edu/~kriz/cifar.html",
        base_url: "https://www.cs.toronto.edu/~kriz/",
        files: &[Remote { name: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530", content_md5: None }],
    },
    Known {
        name: "cifar100",
        title: "CIFAR-100",
        classes: &[
            "aquatic_mammals",
            "fish",
            "flowers",
            "food_containers",
            "fruit_and_vegetables",
            "household_electrical_devices",
            "household_furniture",
            "insects",
            "large_carnivores",
            "large_man-made_outdoor_things",
            "large_natural_outdoor_scenes",
            "large_omnivores_and_herbivores",
            "medium_mammals",
            "non-insect_invertebrates",
            "people",
            "reptiles",
            "small_mammals",
            "trees",
            "vehicles_1",
            "vehicles_2",
        ],
        train: 50_000,
        test: 10_000,
        mirrors: true,
        side: SIZE,
        format: "binary version (tar.gz or unpacked), labelled by its 20 super-classes, or a folder or zip of images",
        home: "https://www.cs.toronto.edu/~kriz/cifar.html",
        base_url: "https://www.cs.toronto.edu/~kriz/",
        files: &[Remote {
            name: "cifar-100-binary.tar.gz",
            md5: "03b5dce01913d631647c71ecec9e9cb8",
            content_md5: None,
        }],
    },
    Known {
        name: "svhn",
        title: "SVHN",
        classes: &nsa_core::data::synth_digits::CLASSES,
        train: 73_257,
        test: 26_032,
        mirrors: false,
        side: SIZE,
        format: "MATLAB 5 (.mat), cropped digits of 32 x 32",
        home: "http://ufldl.stanford.edu/housenumbers/",
        base_url: "https://ufldl.stanford.edu/housenumbers/",
        files: &[
            Remote { name: "train_32x32.mat", md5: "e26dedcc434d2e4c54c9b2d4a06d8373", content_md5: None },
            Remote { name: "test_32x32.mat", md5: "eb5a983be6a315427106f1b164d9cef3", content_md5: None },
        ],
    },
    Known {
        name: "imagenet30",
        title: "ImageNet-30",
        classes: &[
            "acorn",
            "airliner",
            "ambulance",
            "american_alligator",
            "banjo",
            "barn",
            "bikini",
            "digital_clock",
            "dragonfly",
            "dumbbell",
            "forklift",
            "goblet",
            "grand_piano",
            "hotdog",
            "hourglass",
            "manhole_cover",
            "mosque",
            "nail",
            "parking_meter",
            "pillow",
            "revolver",
            "rotary_dial_telephone",
            "schooner",
            "snowmobile",
            "soccer_ball",
            "stingray",
            "strawberry",
            "tank",
            "toaster",
            "volcano",
        ],
        train: 39_000,
        test: 3_000,
        mirrors: true,
        side: IMAGENET_SIZE,
        format: "folder or zip of images; shorter side to 256, middle 224 x 224 (fetch it from its publisher by hand)",
        home: "https://github.com/hendrycks/ss-ood",
        base_url: "",
        files: &[],
    },
];

/// The data set called `name`.
pub fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// The names of all, for messages.
pub fn names() -> String {
    KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
}
