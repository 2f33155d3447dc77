//! What the page has to say: problems, which have a remedy, and calm notes.

use leptos::prelude::*;

/// What a problem is about. There is at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    Catalog,
    Model,
    Gallery,
    Scoring,
    Engine,
    /// What was measured while the model was trained.
    Replay,
    /// The same of the model compared.
    Compare,
    /// The part of the program that comes later.
    Rest,
}

impl Topic {
    /// Whether the main job, scores of images, cannot be done.
    pub fn is_fatal(self) -> bool {
        !matches!(self, Self::Gallery | Self::Replay | Self::Compare | Self::Rest)
    }
}

/// Something that failed, in one sentence that says what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub topic: Topic,
    pub message: String,
}

/// Problems and notes.
#[derive(Clone, Copy)]
pub struct NoticeStore {
    /// What failed, in the order of topics.
    pub problems: RwSignal<Vec<Problem>>,
    /// Calm lines: nothing is wrong, but a person should know.
    pub notes: RwSignal<Vec<String>>,
}

impl NoticeStore {
    pub fn new() -> Self {
        Self { problems: RwSignal::new(Vec::new()), notes: RwSignal::new(Vec::new()) }
    }

    /// Says what failed about a topic, in place of what was said before.
    pub fn report(&self, topic: Topic, message: impl Into<String>) {
        let message = message.into();
        self.problems.update(|problems| {
            problems.retain(|p| p.topic != topic);
            problems.push(Problem { topic, message });
            problems.sort_by_key(|p| p.topic);
        });
    }

    /// Takes back what was said about a topic.
    pub fn settle(&self, topic: Topic) {
        if self.problems.with_untracked(|problems| problems.iter().any(|p| p.topic == topic)) {
            self.problems.update(|problems| problems.retain(|p| p.topic != topic));
        }
    }

    /// Says a calm line, once.
    pub fn say(&self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.with_untracked(|notes| !notes.contains(&note)) {
            self.notes.update(|notes| notes.push(note));
        }
    }
}
