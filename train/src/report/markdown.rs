//! RESULTS.md and its parts.

use super::compare::{Compared, compare};
use super::methods::MethodTable;
use super::paper::{PaperTable, SCORES, title};
use super::record::RunRecord;
use super::settings::{self, Settings};
use super::{course, duration, effect, percent, rivals};
use crate::plan::Plan;
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;
use std::fmt::Write;

/// A group of runs that one figure shows, and its file's name.
pub struct Figure<'a> {
    /// Without ending.
    pub file: String,
    /// For people.
    pub title: String,
    /// The runs with the names of their columns.
    pub runs: Vec<(String, &'a RunRecord)>,
}

/// Runs of one data set, class, pollution and objective that differ in where they normalise; of seed 0, which stands for
/// the others.
pub fn figures<'a>(records: &'a [RunRecord], all: &'a [Settings]) -> Vec<Figure<'a>> {
    let mut figures: Vec<Figure<'a>> = Vec::new();
    let drawn = |r: &&RunRecord| r.config.epochs > 0 && r.config.seed == 0 && !r.summary.history.epochs.is_empty();
    for record in records.iter().filter(drawn) {
        let c = &record.config;
        let label = settings::of(all, c).map_or("", |settings| settings.label.as_str());
        let plain = c.dataset.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-");
        let file = format!("{plain}-{}-{}-p{}-s{}-{label}", c.id_class, c.objective, c.pollution, c.seed);
        let title = format!(
            "{} on {}, class {} ({}), p = {}, seed {}, settings {label}",
            c.objective.with_norm(nsa_core::config::Norm::None),
            record.dataset(),
            c.id_class,
            record.class(),
            c.pollution,
            c.seed
        );
        let column = (c.objective.with_norm(c.norm), record);
        match figures.iter_mut().find(|figure| figure.file == file) {
            Some(figure) => figure.runs.push(column),
            None => figures.push(Figure { file, title, runs: vec![column] }),
        }
    }
    let order = ["none", "f", "g", "both"];
    for figure in &mut figures {
        figure.runs.sort_by_key(|(_, run)| order.iter().position(|norm| *norm == run.config.norm.to_string()));
    }
    figures.sort_by(|a, b| a.file.cmp(&b.file));
    figures
}

/// One table of the paper with ours.
pub fn table(table: &PaperTable, rows: &[Compared<'_>]) -> String {
    let names: Vec<&str> = table.scores.iter().map(|score| title(score)).collect();
    let batch = table.rows.iter().any(|row| row.batch.is_some());
    let mut text = format!("| data set | method | p |{} whose | ", if batch { " batch |" } else { "" });
    text += &(names.join(" | ") + " |\n|---|---|---|");
    text += if batch { "---|---|" } else { "---|" };
    text += &("---:|".repeat(names.len()) + "\n");
    for row in rows {
        let p = row.paper;
        let start = |whose: &str| {
            let batch =
                if batch { format!(" {} |", p.batch.map_or("-".into(), |b| b.to_string())) } else { String::new() };
            format!("| {} | {} | {} |{batch} {whose} |", p.dataset, method(&p.objective, &p.norm), p.pollution)
        };
        let note = p.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        text += &start(&format!("paper{note}"));
        table.scores.iter().for_each(|s| text += &p.score(s).map_or(" - |".into(), |v| format!(" {v:.1} |")));
        text += "\n";
        for ours in &row.ours {
            let jpeg = ours.runs.iter().find(|run| run.dataset() != run.config.dataset);
            let jpeg = jpeg.map_or(String::new(), |run| format!(", {}", run.summary.data_source));
            let whose = format!(
                "**ours** [{}], {}, seed {}{jpeg}, {} of training",
                ours.settings.label,
                ours.classes_of(row.classes),
                ours.seeds(),
                duration(ours.wall_seconds())
            );
            text += &start(&whose);
            for score in &table.scores {
                text += &match (ours.scores.get(score), p.score(score)) {
                    (Some(v), Some(paper)) => format!(" **{v:.1}** ({:+.1}) |", v - paper),
                    (Some(v), None) => format!(" **{v:.1}** |"),
                    (None, _) => " not computed |".into(),
                };
            }
            text += "\n";
        }
        for run in &row.unfinished {
            let whose = format!("ours, {}", unfinished(run));
            text += &(start(&whose) + &" - |".repeat(names.len()) + "\n");
        }
        if row.ours.is_empty() && row.unfinished.is_empty() {
            text += &(start("ours") + &" not run |".repeat(names.len()) + "\n");
        }
    }
    text
}

/// `SimSiam(n)` from our words; what the code does not know keeps its own.
fn method(objective: &str, norm: &str) -> String {
    match (objective.parse::<nsa_core::config::Objective>(), norm.parse()) {
        (Ok(objective), Ok(norm)) => objective.with_norm(norm),
        _ => format!("{objective}, norm {norm}"),
    }
}

/// How far a run without a result has come, and why no further.
pub fn unfinished(run: &RunRecord) -> String {
    let (done, all) = (run.summary.epochs_done, run.config.epochs);
    if let Some(why) = &run.summary.failure {
        return format!("failed after epoch {done} of {all}: {why}");
    }
    if done < all { format!("cut at epoch {done} of {all}") } else { "trained, not evaluated".into() }
}

/// The whole of RESULTS.md.
pub fn results(
    (tables, methods): (&[PaperTable], &[MethodTable]),
    records: &[RunRecord],
    plans: &[(String, Plan)],
    plots: &str,
) -> String {
    let all = settings::of_all(records);
    let mut text = String::from(
        "# Results\n\n\
         Written by `nsa report` from the run records beside this file; not edited by hand.\n\n\
         AUROC is in percent. Behind ours, in parentheses, is the difference to the paper's in percentage points. The \
         paper's numbers are means over all classes of a data set, one model a class, ResNet-18 of base width 64; ours \
         are means over the classes named in the row, so a difference over some of the classes compares different \
         things. Scores are of the last encoder features (`conv4-1x1`) with the whole training set as the bank, on the \
         whole test set; \"Ens.\" is the sum of appendix C over all feature maps.\n\n",
    );
    let effects = effect::effects(records, &all);
    text += &effect::findings(&effects);
    text += &effect::baselines(records);
    text += &rivals::tables(records, &all);
    text += &provenance(records, &all);
    text += &effect::tables(&effects);
    text += &course::tables(&effects);
    let of_scores = tables.iter().map(|t| (t.number, t.about, table(t, &compare(t, records, &all))));
    let of_methods = methods.iter().map(|t| (t.number, t.about.as_str(), t.markdown(records, &all)));
    let mut in_order: Vec<(u8, &str, String)> = of_scores.chain(of_methods).collect();
    in_order.sort_by_key(|(number, ..)| *number);
    for (number, about, table) in in_order {
        let _ = write!(text, "## Table {number}\n\n{about}.\n\n{table}\n");
    }
    text += &every_run(records, &all);
    text += &over_training(records);
    text += "## Figures\n\nOver training, on at most as many images as the run's `eval-limit`; the histograms are of the \
             whole test set. Figure 2 of the paper is κ, MMD and AUROC of SimCLR and SimSiam without and with norm.\n\n";
    for figure in figures(records, &all) {
        let _ = write!(text, "### {}\n\n![{}]({plots}/{}.svg)\n\n", figure.title, figure.title, figure.file);
    }
    text += &missing(records, plans);
    text
}

fn provenance(records: &[RunRecord], all: &[Settings]) -> String {
    let mut text = String::from("How the runs were trained, by the letter that the tables give:\n\n");
    for settings in all {
        let _ = writeln!(text, "- [{}] {}", settings.label, settings.text);
    }
    let distinct = |of: fn(&RunRecord) -> String| {
        let mut found: Vec<String> = records.iter().map(of).collect();
        found.sort();
        found.dedup();
        found.join("; ")
    };
    let seconds: f64 = records.iter().map(|record| record.summary.wall_seconds).sum();
    let _ = write!(
        text,
        "\nData: {}.  \nTrained on: {}.  \nCode: {}.  \nAll together: {} runs, {} of training.\n\n",
        distinct(|record| record.summary.data_source.clone()),
        distinct(|record| record.summary.device.clone()),
        distinct(|record| record.summary.commit.clone()),
        records.len(),
        duration(seconds)
    );
    text
}

fn every_run(records: &[RunRecord], all: &[Settings]) -> String {
    let mut text = String::from("## Every run\n\n| data set | ID class | method | p | settings | seed | images | ");
    text += &SCORES.map(|(_, title, _)| title).join(" | ");
    text += " | best layer and scorer | time | device |\n|---|---|---|---|---|---|---:|";
    text += &("---:|".repeat(SCORES.len()) + "---|---:|---|\n");
    for run in records {
        let (c, s) = (&run.config, &run.summary);
        let label = settings::of(all, c).map_or("", |settings| settings.label.as_str());
        let outliers = if s.outliers > 0 { format!(" ({} outliers)", s.outliers) } else { String::new() };
        let _ = write!(
            text,
            "| {} | {} ({}) | {} | {} | {label} | {} | {}{outliers} |",
            run.dataset(),
            c.id_class,
            run.class(),
            if c.epochs == 0 {
                format!("untrained {}", c.objective.with_norm(c.norm))
            } else {
                c.objective.with_norm(c.norm)
            },
            c.pollution,
            c.seed,
            s.train_images,
        );
        match run.result() {
            None => text += &(format!(" {} |", unfinished(run)) + &" - |".repeat(SCORES.len())),
            Some(result) => {
                for (score, ..) in SCORES {
                    text +=
                        &super::compare::reached(result, score).map_or(" - |".into(), |a| format!(" {} |", percent(a)));
                }
                let best = result
                    .layers
                    .iter()
                    .flat_map(|row| row.scores.iter().map(move |s| (s.reached.auroc, &row.layer, s.scorer)))
                    .reduce(|a, b| if b.0 > a.0 { b } else { a });
                text +=
                    &best.map_or(" - |".into(), |(a, layer, scorer)| format!(" {layer}, {scorer}: {} |", percent(a)));
            }
        }
        let _ = writeln!(text, " {} | {} |", duration(s.wall_seconds), s.device);
    }
    text + "\nThe best layer and scorer is chosen by the test set: an upper bound, not a result.\n\n"
}

/// Beginning, best and end of what was followed during training.
fn over_training(records: &[RunRecord]) -> String {
    let mut text = String::from(
        "## Over training\n\nAUROC before training, at its best epoch (chosen by the test images: an upper bound) and after \
         the last; κ, MMD² and the accuracy of a linear probe (by labels that training never sees) from the first trained epoch \
         that was measured to the last.\n\n\
         | data set, class | method | p | k-Cos (Mah): first, best (epoch), last | c-Cos: first, best (epoch), last | κ ID | κ OOD | \
         MMD² ID | linear probe | evaluations |\n|---|---|---|---|---|---|---|---|---|---:|\n",
    );
    for run in records {
        let epochs = &run.summary.history.epochs;
        let (Some(first), Some(last)) = (epochs.iter().find(|e| e.epoch > 0), epochs.last()) else { continue };
        let rate = |e: &HistoryEntry, scorer| e.auroc.iter().find(|(s, _)| *s == scorer).map_or(f64::NAN, |(_, a)| *a);
        let course = |scorer| {
            let mut best = last;
            for e in epochs.iter().filter(|e| e.epoch > 0) {
                if rate(e, scorer) > rate(best, scorer) {
                    best = e;
                }
            }
            let before = epochs.iter().find(|e| e.epoch == 0).map_or("-".into(), |e| percent(rate(e, scorer)));
            let (best, at, last) = (percent(rate(best, scorer)), best.epoch, percent(rate(last, scorer)));
            format!("{before}, {best} ({at}), {last}")
        };
        let c = &run.config;
        let _ = writeln!(
            text,
            "| {}, {} | {} | {} | {} | {} | {:.1} to {:.1} | {:.1} to {:.1} | {:.4} to {:.4} | {} | {} |",
            run.dataset(),
            run.class(),
            c.objective.with_norm(c.norm),
            c.pollution,
            course(Scorer::KCosMah),
            course(Scorer::CCos),
            first.id.kappa,
            last.id.kappa,
            first.ood.kappa,
            last.ood.kappa,
            first.id.mmd2,
            last.id.mmd2,
            match (first.quality, last.quality) {
                (Some(first), Some(last)) =>
                    format!("{} to {}", percent(first.linear_probe), percent(last.linear_probe)),
                _ => "-".into(),
            },
            epochs.len()
        );
    }
    text + "\n"
}

/// What is not there, by name.
fn missing(records: &[RunRecord], plans: &[(String, Plan)]) -> String {
    let mut text = String::from("## What was not run\n\n");
    let cut: Vec<&RunRecord> = records.iter().filter(|record| record.result().is_none()).collect();
    for run in &cut {
        let _ = writeln!(text, "- {}: {}", run.name, unfinished(run));
    }
    for (name, plan) in plans {
        let there = |run: &&crate::plan::Planned| {
            records.iter().any(|record| record.config == run.config && record.result().is_some())
        };
        let left: Vec<&str> = plan.runs.iter().filter(|run| !there(run)).map(|run| run.name.as_str()).collect();
        let _ =
            writeln!(text, "- plan `{name}`: {} of {} runs are done", plan.runs.len() - left.len(), plan.runs.len());
        // The paper's plans have hundreds.
        for name in left.iter().take(40) {
            let _ = writeln!(text, "  - not run: {name}");
        }
        if left.len() > 40 {
            let _ = writeln!(text, "  - not run: and {} more (`nsa sweep {name} --list`)", left.len() - 40);
        }
    }
    if cut.is_empty() && plans.is_empty() {
        text += "Rows of the paper that say \"not run\" above.\n";
    }
    text
}
