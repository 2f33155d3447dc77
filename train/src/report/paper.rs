//! The paper's numbers, from the file beside this one.

use nsa_core::config::TrainConfig;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is compared: our word, the column's title, and the paper's column that it is compared with (none: ours alone).
///
/// The paper's k-Cos (Mah) and c-Cos (Mah) whiten unit features (its table 11 decides: `docs/method.md`). The second reading
/// whitens features as they are, and is told apart as raw; so are sums of such scores.
pub const SCORES: [(&str, &str, Option<&str>); 10] = [
    ("k-cos", "k-Cos", Some("k-cos")),
    ("k-cos-mah", "k-Cos (Mah)", Some("k-cos-mah")),
    ("k-cos-mah-raw", "k-Cos (Mah), raw", Some("k-cos-mah")),
    ("c-cos", "c-Cos", Some("c-cos")),
    ("c-cos-mah", "c-Cos (Mah)", Some("c-cos-mah")),
    ("c-cos-mah-raw", "c-Cos (Mah), raw", Some("c-cos-mah")),
    ("gde", "GDE", Some("gde")),
    ("kde", "KDE", None),
    ("ens", "Ens.", Some("ens")),
    ("ens-raw", "Ens., raw", Some("ens")),
];

/// The title of one of [`SCORES`].
pub fn title(score: &str) -> &str {
    SCORES.iter().find(|(name, ..)| *name == score).map_or(score, |(_, title, _)| title)
}

/// A table that we can set ours beside.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperTable {
    /// Its number.
    pub number: u8,
    /// What it shows.
    pub about: &'static str,
    /// Its columns.
    pub scores: Vec<&'static str>,
    /// Its rows, of our methods.
    pub rows: Vec<PaperRow>,
}

/// A row of the paper.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperRow {
    /// Data set, in our words.
    pub dataset: String,
    /// Objective, in our words.
    pub objective: String,
    /// Where features are normalised, in our words.
    pub norm: String,
    /// Share of outliers in training.
    pub pollution: f32,
    /// Batch size, where the table has more than one.
    pub batch: Option<usize>,
    /// AUROC in percent by score.
    pub scores: BTreeMap<String, f64>,
    /// What makes it doubtful.
    pub note: Option<String>,
}

impl PaperRow {
    /// The paper's number for one of [`SCORES`].
    pub fn score(&self, score: &str) -> Option<f64> {
        let (.., column) = SCORES.iter().find(|(name, ..)| *name == score)?;
        self.scores.get((*column)?).copied()
    }

    /// Whether a run is one of those whose mean this row is, were it trained as the paper's were.
    pub fn is_of(&self, config: &TrainConfig) -> bool {
        config.epochs > 0
            && self.dataset == config.dataset
            && self.objective == config.objective.to_string()
            && self.norm == config.norm.to_string()
            && (self.pollution - config.pollution).abs() < 1e-6
            && self.batch.is_none_or(|batch| batch == config.batch)
    }
}

impl PaperTable {
    /// What the norm changes in each row that has a partner without it: the difference of a score, pair by pair.
    pub fn gains(&self, score: &str) -> Vec<f64> {
        let plain = |with: &PaperRow| {
            let key = |row: &PaperRow| (row.dataset.clone(), row.objective.clone(), row.pollution.to_bits(), row.batch);
            self.rows.iter().find(|row| row.norm == "none" && key(row) == key(with))
        };
        let with = self.rows.iter().filter(|row| row.norm != "none");
        with.filter_map(|row| Some(row.score(score)? - plain(row)?.score(score)?)).collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Tables {
    table_1: Vec<PaperRow>,
    table_3: Vec<PaperRow>,
    table_11: Vec<PaperRow>,
}

/// All tables, or why the file that is built in is not one of tables.
pub fn tables() -> Result<Vec<PaperTable>, toml::de::Error> {
    let Tables { table_1, table_3, table_11 } = toml::from_str(include_str!("paper.toml"))?;
    let one = || vec!["k-cos-mah", "k-cos-mah-raw"];
    Ok(vec![
        PaperTable {
            number: 1,
            about: "One score, clean and with 10 % of the training set polluted",
            scores: one(),
            rows: table_1,
        },
        PaperTable {
            number: 3,
            about: "SimSiam: which normalisation, at which batch size",
            scores: one(),
            rows: table_3,
        },
        PaperTable {
            number: 11,
            about: "All scores and the ensemble",
            scores: SCORES.iter().map(|(name, ..)| *name).collect(),
            rows: table_11,
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The means that the paper's 24 pairs of table 11 give.
    #[test]
    fn the_paper_s_gains_are_of_its_24_pairs() {
        let tables = tables().unwrap();
        let expected =
            [("k-cos", 6.0), ("c-cos", 12.8), ("gde", 3.3), ("k-cos-mah", 3.6), ("c-cos-mah", 3.5), ("ens", 2.1)];
        for (score, expected) in expected {
            let gains = tables[2].gains(score);
            let mean = gains.iter().sum::<f64>() / gains.len() as f64;
            assert!(gains.len() == 24 && (mean - expected).abs() < 0.05, "{score}: {mean} of {}", gains.len());
        }
    }

    #[test]
    fn the_tables_are_whole_and_agree_where_the_paper_does() {
        let tables = tables().unwrap();
        let numbers: Vec<(u8, usize)> = tables.iter().map(|t| (t.number, t.rows.len())).collect();
        assert_eq!(numbers, [(1, 48), (3, 16), (11, 48)]);
        for table in &tables {
            for row in &table.rows {
                assert!(table.scores.iter().all(|score| *score == "kde" || row.score(score).is_some()), "{row:?}");
                assert!(row.scores.values().all(|auroc| (30.0..100.0).contains(auroc)), "{row:?}");
                assert!(row.norm == "none" || row.norm != "f" || row.objective != "byol", "{row:?}");
            }
        }
        // Table 1 is table 11's k-Cos (Mah), but for two cells that the notes name.
        let differ = |row: &&PaperRow| {
            let twin = tables[2].rows.iter().find(|t| {
                (&t.dataset, &t.objective, &t.norm, t.pollution)
                    == (&row.dataset, &row.objective, &row.norm, row.pollution)
            });
            twin.unwrap().scores["k-cos-mah"] != row.scores["k-cos-mah"]
        };
        let differing: Vec<&PaperRow> = tables[0].rows.iter().filter(differ).collect();
        assert_eq!(differing.len(), 2);
        assert!(differing.iter().all(|row| row.note.as_ref().unwrap().contains("Table 11 prints")));
    }
}
