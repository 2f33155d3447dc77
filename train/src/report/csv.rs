//! The comparison as CSV, a line a number: nothing is rounded away and nothing left out.

use super::compare::Compared;
use super::markdown::unfinished;
use super::paper::PaperTable;

/// The first line.
const HEAD: &str = "table,dataset,objective,norm,pollution,paper-batch,score,paper,status,ours,difference,classes,of-classes,\
seeds,settings,train-wall-seconds,runs\n";

/// All rows of a table. AUROC and differences are in percent and percentage points.
pub fn table(table: &PaperTable, rows: &[Compared<'_>]) -> String {
    let mut text = HEAD.to_string();
    for row in rows {
        let p = row.paper;
        for score in &table.scores {
            let paper = p.score(score);
            let start = [
                table.number.to_string(),
                p.dataset.clone(),
                p.objective.clone(),
                p.norm.clone(),
                p.pollution.to_string(),
                p.batch.map_or(String::new(), |batch| batch.to_string()),
                score.to_string(),
                paper.map_or(String::new(), |paper| paper.to_string()),
            ];
            let mut line = |end: [String; 9]| {
                let fields: Vec<String> = start.iter().chain(&end).map(|field| quoted(field)).collect();
                text += &(fields.join(",") + "\n");
            };
            let all = row.classes.to_string();
            for ours in &row.ours {
                let names: Vec<&str> = ours.runs.iter().map(|run| run.name.as_str()).collect();
                let classes: Vec<String> = ours.classes.iter().map(ToString::to_string).collect();
                let value = ours.scores.get(score);
                line([
                    if value.is_some() { "done".into() } else { "not computed".into() },
                    value.map_or(String::new(), |v| format!("{v:.4}")),
                    value.zip(paper).map_or(String::new(), |(v, paper)| format!("{:.4}", v - paper)),
                    classes.join(" "),
                    all.clone(),
                    ours.seeds(),
                    ours.settings.text.clone(),
                    format!("{:.1}", ours.wall_seconds()),
                    names.join(" "),
                ]);
            }
            for run in &row.unfinished {
                let mut end: [String; 9] = Default::default();
                end[0] = unfinished(run);
                (end[3], end[4], end[8]) = (run.config.id_class.to_string(), all.clone(), run.name.clone());
                line(end);
            }
            if row.ours.is_empty() && row.unfinished.is_empty() {
                let mut end: [String; 9] = Default::default();
                (end[0], end[4]) = ("not run".into(), all.clone());
                line(end);
            }
        }
    }
    text
}

/// A field as CSV wants it.
pub fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_are_quoted() {
        assert_eq!(quoted("width 8, 20 epochs"), "\"width 8, 20 epochs\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
