//! A table, as Markdown and as CSV.

/// Titles and rows of plain text: the writers escape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    titles: Vec<String>,
    /// How many columns from the left are words; the others are numbers, and aligned to the right.
    words: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows.
    pub fn new<T: Into<String>>(words: usize, titles: impl IntoIterator<Item = T>) -> Self {
        Self { titles: titles.into_iter().map(Into::into).collect(), words, rows: Vec::new() }
    }

    /// Adds a row, which must have as many cells as there are titles.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert_eq!(cells.len(), self.titles.len(), "a cell for each of {:?}, not {cells:?}", self.titles);
        self.rows.push(cells);
    }

    /// As Markdown. `**` in a cell is emphasis; everything else is text.
    pub fn markdown(&self) -> String {
        let line = |cells: &Vec<String>| {
            format!("| {} |\n", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "))
        };
        let rules = (0..self.titles.len()).map(|at| if at < self.words { "---" } else { "---:" });
        let rules = format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
        line(&self.titles) + &rules + &self.rows.iter().map(line).collect::<String>()
    }

    /// As CSV.
    pub fn csv(&self) -> String {
        let line = |cells: &Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n";
        std::iter::once(&self.titles).chain(&self.rows).map(line).collect()
    }
}

/// Text that neither ends a cell nor becomes HTML.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => escaped += "\\|",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A field as CSV wants it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_a_table() {
        let mut table = Table::new(1, ["name", "AUROC"]);
        table.row(["a | <i>b</i> & c\nd", "**1.0**"]);
        let markdown = table.markdown();
        assert_eq!(markdown, "| name | AUROC |\n|---|---:|\n| a \\| &lt;i&gt;b&lt;/i&gt; & c d | **1.0** |\n");
    }

    #[test]
    fn fields_with_commas_are_quoted() {
        let mut table = Table::new(2, ["a", "b"]);
        table.row(["width 8, 20 epochs", "say \"x\""]);
        table.row(["plain", "a\nb"]);
        assert_eq!(table.csv(), "a,b\n\"width 8, 20 epochs\",\"say \"\"x\"\"\"\nplain,\"a\nb\"\n");
    }
}
