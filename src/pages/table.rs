//! Tables for people, on a terminal.

use super::page::Cell;
use comfy_table::{CellAlignment, Table, presets};

/// A table for people, as every command draws them.
pub(crate) fn table(header: Vec<String>, rows: Vec<Vec<Cell>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let numbers: Vec<bool> = rows
        .first()
        .map_or(Vec::new(), |row| row.iter().map(Cell::is_number).collect());
    table.set_header(header);
    for row in rows {
        table.add_row(row.into_iter().map(Cell::into_text));
    }
    for (column, is_number) in table.column_iter_mut().zip(numbers) {
        if is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
