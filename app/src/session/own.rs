//! A person's own images on their way in: files, pictures of the camera, drawings.

use crate::lab::{Lab, OwnImage, OwnProgress};
use crate::{own_image, text};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use web_sys::File;

/// How many own images are kept. The oldest make room for new ones.
const KEPT: usize = 48;

impl Lab {
    /// Shows the files at once, then reads one after the other and has each scored.
    pub fn take_files(self, files: Vec<File>) {
        let given = files.len();
        let files: Vec<(u32, File)> = files.into_iter().take(KEPT).map(|file| (self.next_key(), file)).collect();
        if files.is_empty() {
            return;
        }
        self.insert_own(files.iter().map(|(key, file)| OwnImage::waiting(*key, file.name())).collect());
        if given > KEPT {
            self.say(text::own_too_many(given, KEPT));
        }
        spawn_local(async move {
            for (key, file) in files {
                let read = own_image::read(&file).await;
                self.own.update(|own| {
                    let Some(image) = own.iter_mut().find(|image| image.key == key) else { return };
                    match read {
                        Ok(pixels) => image.pixels = Some(Arc::from(pixels.as_slice())),
                        Err(why) => image.progress = OwnProgress::Failed(why.to_string()),
                    }
                });
                self.score_own();
            }
        });
    }

    /// Has pixels scored that the page made itself; gives their key.
    pub fn take_pixels(self, name: String, pixels: Arc<[u8]>) -> u32 {
        let key = self.next_key();
        self.insert_own(vec![OwnImage { pixels: Some(pixels), ..OwnImage::waiting(key, name) }]);
        self.score_own();
        key
    }

    /// Puts other pixels in the place of those under `key`, or in front if they are gone; gives their new key. The
    /// answer to what was asked about the old ones is ignored, as nobody has that key any more.
    pub fn replace_pixels(self, key: u32, name: String, pixels: Arc<[u8]>) -> u32 {
        let fresh = self.next_key();
        let mut replaced = false;
        self.own.update(|own| {
            if let Some(image) = own.iter_mut().find(|image| image.key == key) {
                let waiting = OwnImage::waiting(fresh, name.clone());
                *image = OwnImage { pixels: Some(Arc::clone(&pixels)), ..waiting };
                replaced = true;
            }
        });
        if !replaced {
            return self.take_pixels(name, pixels);
        }
        self.score_own();
        fresh
    }

    /// Says a calm line, once.
    pub(crate) fn say(self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.with_untracked(|notes| !notes.contains(&note)) {
            self.notes.update(|notes| notes.push(note));
        }
    }

    /// Newest first, as they were given.
    fn insert_own(self, images: Vec<OwnImage>) {
        self.own.update(|own| {
            own.splice(0..0, images);
            own.truncate(KEPT);
        });
    }
}
