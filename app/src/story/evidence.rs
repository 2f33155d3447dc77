//! What our runs say about a scene's claim, beside what the paper says. Every number of ours comes from the bundles
//! that are loaded; what no bundle has is "not measured yet".

use super::{LAYER, PaperRow, Scene, findings};
use crate::charts::short;
use crate::replay::Replay;
use crate::state::scorer_word;
use crate::text;
use nsa_core::bundle::CatalogEntry;
use nsa_core::config::{Norm, Objective};
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;

/// AUROC points that a difference must have to be called one: fewer are noise of one run on one class.
pub(super) const CLEAR: f64 = 1.0;

/// One line of a scene's table.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub what: String,
    /// The paper's number, or its words where it prints a curve.
    pub paper: String,
    /// Ours; none if it is not measured yet.
    pub ours: Option<String>,
}

/// Whether our runs show what the paper claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Agrees,
    Differs,
    /// The difference is too small to tell.
    Unclear,
    /// Nothing is claimed, or nothing is measured yet.
    Open,
}

/// A scene's table and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub facts: Vec<Fact>,
    pub verdict: Verdict,
}

/// What the models loaded say about a scene. `runs` are the catalogue's entries that the scene is about, if all are
/// there; `first` and `second` what was measured of the models chosen and compared, if it is here.
pub fn evidence(
    scene: Scene,
    runs: Option<&[CatalogEntry]>,
    first: Option<&Replay>,
    second: Option<&Replay>,
) -> Evidence {
    // Another model may be on the page: it would answer another question.
    let run = |replay: Option<&Replay>, at: usize| {
        let wanted = runs.and_then(|runs| Some(&runs.get(at)?.id));
        replay.filter(|r| Some(&r.manifest.id) == wanted).cloned()
    };
    match scene {
        Scene::Detector => any_model(first, &[Scorer::KCosMah]),
        Scene::Scores => scores(first),
        Scene::YourTurn | Scene::Live | Scene::Rivals | Scene::Collapse => {
            Evidence { facts: Vec::new(), verdict: Verdict::Open }
        }
        Scene::Training => training(run(first, 0).as_ref()),
        Scene::Kappa => kappa(run(first, 0).as_ref()),
        Scene::Norm => pair(scene, run(first, 0).as_ref(), run(second, 1).as_ref(), &[Scorer::CCos, Scorer::KCosMah]),
        Scene::StopGrad => pair(scene, run(first, 0).as_ref(), run(second, 1).as_ref(), &[Scorer::CCos, Scorer::KCos]),
        Scene::Pollution => {
            pair(scene, run(first, 0).as_ref(), run(second, 1).as_ref(), &[Scorer::KCosMah, Scorer::CCos])
        }
    }
}

/// AUROC in percent on the whole test set.
fn reached(replay: &Replay, scorer: Scorer) -> Option<f64> {
    let entry = replay.manifest.scores.iter().find(|s| s.layer == LAYER && s.scorer == scorer);
    Some(entry?.auroc_full? * 100.0)
}

fn paper_row(replay: &Replay) -> Option<PaperRow> {
    let config = &replay.manifest.config;
    let norm = match config.objective {
        Objective::Simsiam | Objective::Byol => config.norm == Norm::Both,
        _ => config.norm == Norm::F,
    };
    if !norm && config.norm != Norm::None {
        return None;
    }
    PaperRow::find(&config.dataset, &config.objective.to_string(), config.pollution > 0.0, norm)
}

fn one(value: f64) -> String {
    crate::stats::percent(value / 100.0)
}

fn any_model(replay: Option<&Replay>, scorers: &[Scorer]) -> Evidence {
    let fact = |scorer: &Scorer| {
        let row = replay.and_then(paper_row);
        let paper = row.and_then(|row| Some(text::story::paper_mean(&one(row.auroc(*scorer)?), row.dataset)));
        Fact {
            what: text::story::auroc(text::scorer(&scorer_word(*scorer))),
            paper: paper.unwrap_or(text::story::NO_PAPER.into()),
            ours: replay.and_then(|r| reached(r, *scorer)).map(one),
        }
    };
    Evidence { facts: scorers.iter().map(fact).collect(), verdict: Verdict::Open }
}

/// The paper's default score is mostly the best single one: is it here?
fn scores(replay: Option<&Replay>) -> Evidence {
    let mut found = any_model(replay, &PaperRow::SCORERS);
    let row = replay.and_then(paper_row);
    found.facts.push(Fact {
        what: text::story::ENSEMBLE.into(),
        paper: row.map_or(text::story::NO_PAPER.into(), |r| text::story::paper_mean(&one(r.ensemble), r.dataset)),
        ours: None,
    });
    let best = replay.and_then(|r| {
        let all = PaperRow::SCORERS.into_iter().filter_map(|s| Some((s, reached(r, s)?)));
        all.max_by(|a, b| a.1.total_cmp(&b.1))
    });
    found.verdict = match best {
        Some((Scorer::KCosMah, _)) => Verdict::Agrees,
        Some(_) => Verdict::Differs,
        None => Verdict::Open,
    };
    found
}

/// SimCLR's AUROC falls after its peak, the quality of its features does not.
fn training(replay: Option<&Replay>) -> Evidence {
    let scorer = Scorer::CCos;
    let auroc = |e: &HistoryEntry| e.rate(scorer).map(|rate| rate * 100.0);
    let probe = |e: &HistoryEntry| e.quality.map(|q| q.linear_probe * 100.0);
    let (auroc, probe) = (replay.and_then(|r| Fall::of(r, auroc)), replay.and_then(|r| Fall::of(r, probe)));
    let fact = |what: String, paper: &str, fall: &Option<Fall>| Fact {
        what,
        paper: paper.into(),
        ours: fall.as_ref().map(|f| text::story::fall(&one(f.best), f.best_epoch, &one(f.last), f.last_epoch)),
    };
    let verdict = match (&auroc, &probe) {
        (Some(a), Some(p)) if a.depth() >= CLEAR && p.depth() < a.depth() => Verdict::Agrees,
        (Some(a), None) if a.depth() >= CLEAR => Verdict::Agrees,
        (Some(_), _) => Verdict::Differs,
        (None, _) => Verdict::Open,
    };
    let facts = vec![
        fact(text::story::auroc(text::scorer(&scorer_word(scorer))), text::story::FALLS, &auroc),
        fact(text::story::PROBE.into(), text::story::DIPS, &probe),
    ];
    Evidence { facts, verdict }
}

/// κ of SimCLR falls during training, for ID and OOD features; MMD as well.
fn kappa(replay: Option<&Replay>) -> Evidence {
    type Of = fn(&HistoryEntry) -> f64;
    let rows: [(&str, Of); 3] = [
        (text::story::KAPPA_ID, |e| e.id.kappa),
        (text::story::KAPPA_OOD, |e| e.ood.kappa),
        (text::story::MMD_ID, |e| e.id.mmd2),
    ];
    let ends = |of: Of| {
        let epochs = &replay?.history.epochs;
        let (first, last) = (of(epochs.first()?), of(epochs.last()?));
        let down = epochs.windows(2).filter(|pair| of(&pair[1]) < of(&pair[0])).count();
        Some((first, last, down, epochs.len() - 1))
    };
    let fact = |&(what, of): &(&str, Of)| Fact {
        what: what.into(),
        paper: text::story::DECREASES.into(),
        ours: ends(of).map(|(first, last, down, of)| text::story::steps(&short(&first), &short(&last), down, of)),
    };
    let verdict = match ends(rows[0].1) {
        // "Monotonically", give or take the noise of one small run.
        Some((first, last, down, steps)) if last < first && 10 * down >= 8 * steps => Verdict::Agrees,
        Some(_) => Verdict::Differs,
        None => Verdict::Open,
    };
    Evidence { facts: rows.iter().map(fact).collect(), verdict }
}

/// Two runs that differ in the norm alone: does it help where it helps in the paper?
fn pair(scene: Scene, without: Option<&Replay>, with: Option<&Replay>, scorers: &[Scorer]) -> Evidence {
    let settings = scene.settings();
    let dataset = without.map_or("fashion-mnist", |r| &r.manifest.config.dataset);
    let row = |norm: bool| PaperRow::find(dataset, settings[0].objective, settings[0].polluted, norm);
    let mut verdict = Verdict::Open;
    let mut facts = Vec::new();
    for (i, &scorer) in scorers.iter().enumerate() {
        let paper = row(false).zip(row(true)).and_then(|(a, b)| Some((a.auroc(scorer)?, b.auroc(scorer)?, a.dataset)));
        let ours = without.zip(with).and_then(|(a, b)| Some((reached(a, scorer)?, reached(b, scorer)?)));
        let over_seeds = ours.and(without).and_then(|r| findings::find(&r.manifest.config, scorer.name()));
        if let (0, Some((paper_a, paper_b, _)), Some((a, b))) = (i, paper, ours) {
            verdict = match (b > a) == (paper_b > paper_a) {
                _ if over_seeds.is_some() => over_seeds.map_or(verdict, |row| row.verdict(paper_b > paper_a)),
                _ if (b - a).abs() < CLEAR => Verdict::Unclear,
                true => Verdict::Agrees,
                false => Verdict::Differs,
            };
        }
        facts.push(Fact {
            what: text::story::auroc(text::scorer(&scorer_word(scorer))),
            paper: paper.map_or(text::story::NO_PAPER.into(), |(a, b, set)| {
                text::story::paper_mean(&text::story::change(&one(a), &one(b)), set)
            }),
            ours: ours.map(|(a, b)| match over_seeds {
                Some(row) => {
                    let [a, b] = [row.without, row.with].map(|[mean, spread]| format!("{mean:.1} ± {spread:.1}"));
                    text::story::over_seeds(&text::story::change(&a, &b), row.n)
                }
                None => text::story::change(&one(a), &one(b)),
            }),
        });
    }
    let last = |r: Option<&Replay>| r.and_then(|r| r.history.epochs.last()).map(|e| short(&e.id.kappa));
    facts.push(Fact {
        what: text::story::KAPPA_END.into(),
        paper: text::story::HIGHER.into(),
        ours: last(without).zip(last(with)).map(|(a, b)| text::story::change(&a, &b)),
    });
    Evidence { facts, verdict }
}

/// A measure's peak after training began, and its end.
pub(super) struct Fall {
    pub best: f64,
    pub best_epoch: usize,
    pub last: f64,
    pub last_epoch: usize,
    /// From the first measurement after training began to the peak.
    pub rise: f64,
}

impl Fall {
    pub fn of(replay: &Replay, of: impl Fn(&HistoryEntry) -> Option<f64>) -> Option<Self> {
        let trained = replay.history.epochs.iter().filter(|e| e.epoch > 0);
        let values: Vec<(usize, f64)> = trained.filter_map(|e| Some((e.epoch, of(e)?))).collect();
        let best = values.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let last = values.last()?;
        let rise = best.1 - values.first()?.1;
        Some(Self { best: best.1, best_epoch: best.0, last: last.1, last_epoch: last.0, rise })
    }

    fn depth(&self) -> f64 {
        self.best - self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::replay;
    use crate::story::runs::tests::{catalog, entry};
    use nsa_core::measure::Quality;

    fn run(id: &str, c_cos: [f64; 3], kappa: [f64; 3], reached: f64) -> Replay {
        let mut run = replay();
        run.manifest.id = id.into();
        run.manifest.config.dataset = "fashion-mnist".into();
        run.manifest.config.objective = Objective::Simclr;
        run.manifest.config.norm = Norm::None;
        for (i, e) in run.history.epochs.iter_mut().enumerate() {
            e.auroc = vec![(Scorer::CCos, c_cos[i])];
            e.id.kappa = kappa[i];
            e.quality = Some(Quality { linear_probe: 0.8, knn_1: 0.7, knn_20: 0.7 });
        }
        let mut score = run.manifest.scores[0].clone();
        score.scorer = Scorer::CCos;
        score.auroc_full = Some(reached);
        run.manifest.scores.push(score);
        run
    }

    fn told(scene: Scene, first: &Replay, second: Option<&Replay>) -> Evidence {
        let mut catalog = catalog();
        catalog.bundles.retain(|e| e.id != "lonely-none");
        let runs = scene.runs(&catalog);
        evidence(scene, runs.as_deref(), Some(first), second)
    }

    #[test]
    fn a_fall_of_auroc_is_told_and_judged() {
        let falls = told(Scene::Training, &run("long-none", [0.6, 0.8, 0.7], [1.0; 3], 0.7), None);
        assert_eq!(falls.verdict, Verdict::Agrees);
        assert_eq!(falls.facts[0].ours.as_deref(), Some("80.0 (epoch 5) → 70.0 (epoch 20)"));
        let rises = told(Scene::Training, &run("long-none", [0.6, 0.7, 0.8], [1.0; 3], 0.7), None);
        assert_eq!(rises.verdict, Verdict::Differs);
    }

    #[test]
    fn kappa_must_fall_all_the_way() {
        let verdict = |kappa| told(Scene::Kappa, &run("long-none", [0.5; 3], kappa, 0.7), None).verdict;
        assert_eq!(verdict([900.0, 300.0, 100.0]), Verdict::Agrees);
        assert_eq!(verdict([900.0, 100.0, 300.0]), Verdict::Differs);
    }

    #[test]
    fn a_gain_is_compared_with_the_papers() {
        let without = run("long-none", [0.5; 3], [5.0; 3], 0.7);
        for (reached, verdict) in [(0.75, Verdict::Agrees), (0.65, Verdict::Differs), (0.705, Verdict::Unclear)] {
            let mut with = run("long-f", [0.5; 3], [9.0; 3], reached);
            with.manifest.config.norm = Norm::F;
            let found = told(Scene::Norm, &without, Some(&with));
            assert_eq!(found.verdict, verdict);
            assert!(found.facts[0].paper.contains(&text::story::change("70.4", "86.8")), "{:?}", found.facts[0]);
            assert_eq!(found.facts[0].ours, Some(text::story::change("70.0", &one(100.0 * reached))));
            assert_eq!(found.facts.last().unwrap().ours, Some(text::story::change("5", "9")));
        }
    }

    #[test]
    fn another_model_on_the_page_answers_nothing() {
        let other = run("digits", [0.6, 0.8, 0.7], [3.0, 2.0, 1.0], 0.7);
        for scene in [Scene::Training, Scene::Kappa, Scene::Norm, Scene::StopGrad, Scene::Pollution] {
            let found = told(scene, &other, None);
            assert_eq!(found.verdict, Verdict::Open, "{scene:?}");
            assert!(found.facts.iter().all(|fact| fact.ours.is_none()), "{scene:?}");
        }
        assert_eq!(entry("x", "none", 1).norm, "none");
    }

    #[test]
    fn the_best_single_score_is_named() {
        let best = |k_cos_mah: f64| {
            let mut run = run("any", [0.5; 3], [1.0; 3], 0.8);
            run.manifest.scores[0].auroc_full = Some(k_cos_mah);
            told(Scene::Scores, &run, None)
        };
        assert_eq!((best(0.9).verdict, best(0.7).verdict), (Verdict::Agrees, Verdict::Differs));
        assert_eq!(best(0.9).facts.last().unwrap().ours, None, "no bundle holds the ensemble's AUROC");
    }
}
