//! Images of 224 x 224 from folders of pictures of any size, through every command that takes them.

// clippy.toml allows it in tests, but does not see that these helpers are part of them.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, read_npy};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;
use std::path::Path;

/// Pictures as people have them: portrait, landscape, grey, with alpha, tiny, long; and two that are none. Class `b` is
/// green where `a` is red.
fn pictures(folder: &Path) {
    for (split, n) in [("train", 8), ("test", 4)] {
        for (class, channel) in [("a", 0), ("b", 1)] {
            let folder = folder.join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for i in 0..n {
                let (width, height) = [(300, 230), (90, 400), (31, 31), (5, 3), (640, 20), (256, 256)][i as usize % 6];
                let mut pixel = [40, 40, 40];
                pixel[channel] = 120 + 10 * i as u8;
                let wave = |x: u32, y: u32| ((x * 7 + y * 3) % 23) as u8;
                let picture: DynamicImage = match i % 4 {
                    0 | 1 => RgbImage::from_fn(width, height, |x, y| Rgb(pixel.map(|p| p + wave(x, y)))).into(),
                    2 => GrayImage::from_fn(width, height, |x, y| Luma([90 + wave(x, y)])).into(),
                    _ => RgbaImage::from_pixel(width, height, Rgba([pixel[0], pixel[1], pixel[2], 128])).into(),
                };
                let path = folder.join(format!("{i}.{}", if i % 2 == 0 { "JPEG" } else { "png" }));
                picture.save(path).unwrap();
            }
            fs::write(folder.join("9.png"), "no picture").unwrap();
        }
    }
}

#[test]
fn a_folder_of_odd_pictures_is_trained_on_at_224() {
    let lab = Lab::new();
    pictures(&lab.path("odd"));
    let line = "train --dataset folder:odd --image-size 224 --id-class 0 --pollution 0.2 --validation 0 --width 2 --batch 4 --epochs 2 \
                --eval-every 1 --eval-limit 3 --device cpu --out run";
    let trained = lab.nsa(line).succeeds();
    // The pictures of the class and two outliers were drawn; of them one file of the class is none.
    assert!(
        trained.stderr.contains("images could not be read") && trained.stderr.contains("a/9.png"),
        "{}",
        trained.stderr
    );
    let record: serde_json::Value = serde_json::from_slice(&fs::read(lab.path("run/record.json")).unwrap()).unwrap();
    let indices: Vec<u64> =
        record["split"]["indices"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap()).collect();
    let outliers = record["split"]["outliers"].as_u64().unwrap() as usize;
    assert_eq!(indices[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
    // Files 9 to 17 are of class b; the last of them is no picture.
    assert_eq!(indices.len(), 8 + outliers);
    assert!((1..=2).contains(&outliers) && indices[8..].iter().all(|i| (9..17).contains(i)), "{indices:?}");

    // Nothing is left to do, but all is read again; and measured on the whole test set.
    lab.nsa("train --resume run --device cpu").succeeds();
    let rows = lab.nsa("eval run --layers conv1,conv4-1x1 --device cpu --json").json();
    assert_eq!(rows["layers"][0]["dim"], 2 * 56 * 56);
    assert_eq!(rows["layers"][1]["dim"], 16);
    let refused = lab.nsa("export run --out bundles/odd --device cpu");
    refused.fails(2, &["run was trained on images of 224 x 224", "images are 32 x 32", "nsa eval run"]);

    // A picture that was trained on and is gone.
    fs::write(lab.path("odd/train/a/3.png"), "no picture any more").unwrap();
    lab.nsa("eval run --device cpu").fails(2, &["images in odd has changed since the run began: its train split has"]);
    fs::remove_dir_all(lab.path("odd/train/b")).unwrap();
    lab.nsa("eval run --device cpu").fails(2, &["images in odd has changed since the run began: its train split has"]);
}

#[test]
fn folders_are_exported_and_described_at_either_size() {
    let lab = Lab::new();
    pictures(&lab.path("odd"));
    let info = lab.nsa("data info folder:odd --json").json();
    assert_eq!(info["splits"]["train"]["images"], 16);
    assert_eq!(info["splits"]["test"]["failed"], 2);
    for (size, side) in [("", 32), ("--image-size 224", 224)] {
        let line = format!("data export folder:odd --split test --class 1 {size} --out x.npy --labels y.npy --json");
        let exported = lab.nsa(&line).json();
        assert_eq!((exported["images"].as_u64(), exported["failed"].as_u64()), (Some(4), Some(1)));
        let values = read_npy(&lab.path("x.npy"));
        assert_eq!(values.len(), 4 * 3 * side * side);
        // The first of class b: red stays at 40 to 62, green goes from 120 up.
        let mean = |plane: usize| values[plane * side * side..(plane + 1) * side * side].iter().sum::<f32>();
        assert!(mean(1) > 1.5 * mean(0), "{} and {}", mean(1), mean(0));
    }
    fs::remove_dir_all(lab.path("odd/test/b")).unwrap();
    lab.nsa("data export folder:odd --split test --class 1 --out x.npy").fails(2, &["folder:odd has no such images"]);
}

#[test]
fn imagenet30_is_a_folder_of_thirty_classes() {
    let lab = Lab::new();
    lab.nsa("data info imagenet30 --root in30").fails(
        2,
        &["no ImageNet-30 files in in30: pass --root DIR or fetch them from https://github.com/hendrycks/ss-ood"],
    );
    lab.nsa("data get imagenet30").fails(2, &["ImageNet-30 cannot be fetched by a program", "train/CLASS/*.jpg"]);
    let list = lab.nsa("data list --json").json();
    let known = list.as_array().unwrap().iter().find(|set| set["name"] == "imagenet30").unwrap();
    assert_eq!((known["classes"].as_u64(), known["train"].as_u64()), (Some(30), Some(39_000)));

    for class in 0..30 {
        for split in ["train", "test"] {
            let folder = lab.path(&format!("in30/{split}/class-{class:02}"));
            fs::create_dir_all(&folder).unwrap();
            RgbImage::from_pixel(9, 5, Rgb([8 * class, 90, 200])).save(folder.join("one.png")).unwrap();
        }
    }
    let info = lab.nsa("data info imagenet30 --root in30 --json").json();
    assert_eq!(
        (info["image-size"].as_u64(), info["source"].as_str()),
        (Some(224), Some("ImageNet-30, with no checksum to compare"))
    );
    lab.nsa("data export imagenet30 --root in30 --split test --class 7 --out x.npy").succeeds();
    let values = read_npy(&lab.path("x.npy"));
    assert_eq!(values.len(), 3 * 224 * 224);
    assert!(values[..224 * 224].iter().all(|red| *red == 56.0 / 255.0));
    // One image is too few to train on, but it is looked for at ImageNet's size, and the settings say so.
    lab.nsa("train --dataset imagenet30 --root in30 --id-class 7 --width 2 --device cpu --out run")
        .fails(2, &["training needs at least 2 images, found 1"]);
    fs::remove_dir_all(lab.path("in30/train/class-29")).unwrap();
    fs::remove_dir_all(lab.path("in30/test/class-29")).unwrap();
    lab.nsa("data info imagenet30 --root in30").fails(2, &["must have the 30 classes of ImageNet-30, found 29"]);
}
