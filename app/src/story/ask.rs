//! What a scene asks of its reader before it tells, and what the runs answer.

use super::Scene;
use super::evidence::{CLEAR, Fall};
use crate::charts::short;
use crate::replay::Replay;
use crate::state::LAST_SCENE;
use crate::stats::percent;
use crate::text;
use leptos::prelude::*;
use nsa_core::score::Scorer;
use nsa_core::sphere::cap_angle;

/// What a scene wants of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A guess before anything is shown.
    Guess,
    /// Something done in the lab.
    Act,
}

/// What a reader has made of a scene's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Chosen, by number.
    Guessed(usize),
    /// Done.
    Acted,
    /// The reader did not want to guess.
    Shown,
}

/// What a reader has made of the scenes' questions, whichever view is open.
#[derive(Clone, Copy)]
pub struct Answers(RwSignal<[Option<Answer>; LAST_SCENE]>);

impl Answers {
    pub fn new() -> Self {
        Self(RwSignal::new([None; LAST_SCENE]))
    }

    /// The answer to a scene.
    pub fn of(&self, scene: Scene) -> Option<Answer> {
        self.0.with(|answers| answers[scene as usize])
    }

    pub fn take(&self, scene: Scene, answer: Answer) {
        self.0.update(|answers| answers[scene as usize] = Some(answer));
    }

    pub fn forget(&self) {
        self.0.set(Default::default());
    }
}

impl Scene {
    /// What it wants; nothing where it only tells.
    pub fn task(self) -> Option<Task> {
        match self {
            Self::Detector | Self::Training | Self::Norm => Some(Task::Guess),
            Self::Kappa | Self::Scores => Some(Task::Act),
            Self::StopGrad | Self::Pollution | Self::YourTurn | Self::Live | Self::Rivals | Self::Collapse => None,
        }
    }
}

/// What became of a run's AUROC: the number of the right choice, and the answer in words.
pub fn training(run: &Replay) -> Option<(usize, String)> {
    let fall = Fall::of(run, |entry| entry.rate(Scorer::CCos).map(|rate| rate * 100.0))?;
    let right = match fall {
        Fall { best, last, .. } if best - last >= CLEAR => 1,
        Fall { rise, .. } if rise >= CLEAR => 0,
        _ => 2,
    };
    let told =
        text::story::fall(&percent(fall.best / 100.0), fall.best_epoch, &percent(fall.last / 100.0), fall.last_epoch);
    Some((right, text::story::training_told(&told)))
}

/// Which of two runs keeps its class tighter: the number of the right choice, and the answer in words.
pub fn norm(without: &Replay, with: &Replay) -> Option<(usize, String)> {
    let kappa = |run: &Replay| run.history.epochs.last().map(|e| e.id.kappa);
    let (a, b) = (kappa(without)?, kappa(with)?);
    // Less than a twentieth is noise of one run.
    let right = if (a - b).abs() < 0.05 * a.max(b) { 2 } else { usize::from(b > a) };
    Some((right, text::story::norm_told(&short(&a.round()), &short(&b.round()))))
}

/// How κ and the cap that holds half of the class move from the first checkpoint to the last.
pub fn kappa(run: &Replay) -> Option<String> {
    let frames = &run.frames.epochs;
    let at = |frame: usize| {
        let (compactness, dim) = run.compactness(frame)?;
        Some((*frames.get(frame)?, compactness.kappa, cap_angle(dim, compactness.kappa, 0.5).to_degrees()))
    };
    let (first, last) = (at(0)?, at(frames.len().checked_sub(1)?)?);
    let kappa = [first.1, last.1].map(|kappa| short(&kappa.round()));
    Some(text::story::kappa_told([first.0, last.0], [&kappa[0], &kappa[1]], [first.2, last.2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::replay;

    fn with_auroc(rates: [f64; 3]) -> Replay {
        let mut run = replay();
        for (entry, rate) in run.history.epochs.iter_mut().zip(rates) {
            entry.auroc = vec![(Scorer::CCos, rate)];
        }
        run
    }

    #[test]
    fn the_right_answer_comes_from_the_run() {
        let right = |rates| training(&with_auroc(rates)).unwrap().0;
        assert_eq!([right([0.6, 0.8, 0.7]), right([0.6, 0.7, 0.8]), right([0.7, 0.702, 0.701])], [1, 0, 2]);
        let told = training(&with_auroc([0.6, 0.8, 0.7])).unwrap().1;
        assert_eq!(told, "AUROC of our run: 80.0 (epoch 5) → 70.0 (epoch 20).");
        let nothing = Replay { history: Default::default(), ..replay() };
        assert_eq!((training(&nothing), norm(&nothing, &nothing)), (None, None));
    }

    #[test]
    fn kappas_are_compared_and_followed() {
        let (plain, mut tight) = (replay(), replay());
        assert_eq!(norm(&plain, &plain).unwrap().0, 2);
        tight.history.epochs[2].id.kappa = 900.0;
        assert_eq!((norm(&plain, &tight).unwrap().0, norm(&tight, &plain).unwrap().0), (1, 0));
        assert!(norm(&plain, &tight).unwrap().1.contains("κ 400 without the norm and 900 with"));
        let told = kappa(&plain).unwrap();
        assert!(told.starts_with("From epoch 0 to epoch 20 κ goes from 100 to 400, and the cap from "), "{told}");
    }

    #[test]
    fn every_task_has_its_words() {
        for scene in Scene::ALL {
            assert_eq!(scene.task().is_some(), text::story::ask(scene).is_some(), "{scene:?}");
        }
        assert!(Scene::ALL.into_iter().filter(|scene| scene.task().is_some()).count() >= 3);
    }
}
