//! The image whose details are open, and what the page knows of it.

use super::{Lab, Row, Shown, Sides, split};
use crate::gallery::Image;
use crate::state::Subject;
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::Manifest;
use std::sync::Arc;

impl Lab {
    /// The image that the address opens, if it is there and can be seen.
    pub fn shown(&self) -> Option<Shown> {
        let subject = self.state.with(|s| s.image)?;
        match subject {
            Subject::Test { .. } => {
                let image = self.images.with(|images| Some(Arc::clone(images.get(find(images, subject)?)?)))?;
                let (side, pixels) = (Some(image.pick.side), Arc::from(image.pixels.as_slice()));
                Some(Shown { subject, side, name: String::new(), pixels })
            }
            Subject::Own(key) => self.own.with(|own| {
                let image = own.iter().find(|image| image.key == key)?;
                Some(Shown { subject, side: None, name: image.name.clone(), pixels: image.pixels.clone()? })
            }),
        }
    }

    /// What the model sees of the open image.
    pub fn subject_pixels(&self) -> Option<Arc<[u8]>> {
        self.shown().map(|shown| shown.pixels)
    }

    /// An image's scores, once they are there.
    pub fn row_of(&self, subject: Subject) -> Option<Row> {
        match subject {
            Subject::Test { .. } => {
                let at = self.images.with(|images| find(images, subject))?;
                self.rows.with(|rows| rows.get(at).cloned().flatten())
            }
            Subject::Own(key) => {
                self.own.with(|own| own.iter().find(|image| image.key == key).and_then(|image| image.row().cloned()))
            }
        }
    }

    /// All scores of one kind by side, whichever is shown.
    pub fn sides_of(&self, score: usize) -> Sides {
        let value = |row: &Option<Row>| row.as_ref().and_then(|row| row.get(score).copied());
        self.images.with(|images| self.rows.with(|rows| split(images, &rows.iter().map(value).collect::<Vec<_>>())))
    }

    /// An image for people: its side, class and number, or its file's name.
    pub fn subject_title(&self, subject: Subject, name: &str) -> String {
        let Subject::Test { class, index } = subject else { return name.into() };
        let named = |manifest: &Manifest| manifest.classes.get(class).cloned();
        let class_name = self.bundle.with(|b| b.as_ref().and_then(|b| named(&b.manifest)));
        let normal = self.entry.with(|e| e.as_ref().is_some_and(|e| e.id_class == class));
        text::score::test_image(normal, &class_name.unwrap_or_else(|| class.to_string()), index)
    }
}

fn find(images: &[Arc<Image>], subject: Subject) -> Option<usize> {
    let is = |image: &Arc<Image>| subject == Subject::Test { class: image.pick.class, index: image.pick.index };
    images.iter().position(is)
}
