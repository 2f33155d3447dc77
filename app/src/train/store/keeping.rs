//! Runs survive the page: the browser keeps them as they stood, and they are taken up again.

use super::TrainingStore;
use crate::clock;
use crate::kept::KeepError;
use crate::text::train as text;
use crate::train::autosave::{self, Autosave, AutosaveError, Next};
use crate::train::run::Run;
use leptos::prelude::*;
use leptos::task::spawn_local;

impl TrainingStore {
    /// Takes the runs as the browser kept them.
    pub(super) fn take_up(self, kept: Autosave) {
        self.note.set(Some(text::taken_up(kept.epoch())));
        self.runs.iter().zip(kept.runs).for_each(|(run, saved)| run.take_up(saved));
    }

    /// Has the browser keep the runs as they stood after the last epoch that all of them have done; while they train,
    /// every few seconds at most.
    pub(super) fn autosave(self, now: bool) {
        let runs = self.present_untracked();
        let epoch = runs.first().map_or(0, Run::done);
        let time = clock::now();
        let due = self.inner.try_update_value(|inner| inner.rhythm.is_due(now, time));
        let is_whole = |run: &Run| run.done() == epoch && run.snapshot.with_value(|bytes| !bytes.is_empty());
        let Some(recipe) = self.recipe.get_untracked() else { return };
        if due != Some(true) || epoch == 0 || !runs.iter().all(is_whole) {
            return;
        }
        let own = self.own.with_untracked(|own| own.as_ref().map(|own| own.mark()));
        let saved = Autosave { recipe, own, runs: runs.iter().map(Run::saved).collect() };
        self.inner.update_value(|inner| inner.rhythm.begin(time));
        spawn_local(async move {
            let done = autosave::write(&saved).await;
            let full = matches!(done, Err(AutosaveError::Keep(KeepError::Refused(_))));
            match self.inner.try_update_value(|inner| inner.rhythm.end(full)) {
                Some(Next::TellFull) => {
                    self.pause();
                    self.problem.set(Some(text::STORAGE_FULL.into()));
                }
                Some(Next::Again) => self.autosave(true),
                Some(Next::Rest) | None => {}
            }
        });
    }
}
