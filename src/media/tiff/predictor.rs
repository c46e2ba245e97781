//! Samples from what is stored in place of them.

use super::directory::Order;
use super::packing::Predictor;
use super::samples::Storage;

/// Restores a row; `step` is the number of samples from a sample to that of the pixel beside it.
pub(super) fn restore(predictor: Predictor, row: &mut [u8], step: usize, storage: Storage) {
    match predictor {
        Predictor::None => {}
        Predictor::Horizontal => sums(row, step, usize::from(storage.bits / 8), storage.order),
        Predictor::Float => floats(row, step, storage),
    }
}

/// Adds to each sample of `size` bytes the one before it.
fn sums(row: &mut [u8], step: usize, size: usize, order: Order) {
    let back = step * size;
    if size == 1 {
        for at in back..row.len() {
            row[at] = row[at].wrapping_add(row[at - back]);
        }
        return;
    }
    for at in (back..row.len()).step_by(size.max(1)) {
        let Some(sample) = row.get(at..at + size) else {
            break;
        };
        let sum = order
            .number(sample)
            .wrapping_add(order.number(&row[at - back..at - back + size]));
        let bytes = sum.to_le_bytes();
        for (place, byte) in row[at..at + size].iter_mut().enumerate() {
            *byte = match order {
                Order::Little => bytes[place],
                Order::Big => bytes[size - 1 - place],
            };
        }
    }
}

/// The bytes of all samples stand sorted by their weight, the heaviest first, each as its difference
/// from the one before.
fn floats(row: &mut [u8], step: usize, storage: Storage) {
    sums(row, step, 1, storage.order);
    let size = usize::from(storage.bits / 8);
    let count = row.len() / size.max(1);
    let sorted = row.to_vec();
    for (at, sample) in row.chunks_exact_mut(size.max(1)).enumerate() {
        for (weight, byte) in sample.iter_mut().enumerate() {
            let weight = match storage.order {
                Order::Big => weight,
                Order::Little => size - 1 - weight,
            };
            *byte = sorted[weight * count + at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Number;
    use super::*;

    #[test]
    fn differences_are_summed_in_every_width_and_order() {
        let storage = |bits, order| Storage::new(bits, Number::Unsigned, order).unwrap();
        let mut row = [250, 1, 10, 2, 0, 3];
        restore(Predictor::Horizontal, &mut row, 2, storage(8, Order::Big));
        assert_eq!(row, [250, 1, 4, 3, 4, 6]);
        let mut row = [0, 255, 0, 1, 255, 255];
        restore(Predictor::Horizontal, &mut row, 1, storage(16, Order::Big));
        assert_eq!(row, [0, 255, 1, 0, 0, 255]);
        let mut row = [255, 0, 1, 0, 255, 255];
        let order = Order::Little;
        restore(Predictor::Horizontal, &mut row, 1, storage(16, order));
        assert_eq!(row, [255, 0, 0, 1, 255, 0]);
        let mut row = [255, 255, 0, 0, 1, 0, 0, 0];
        restore(Predictor::Horizontal, &mut row, 1, storage(32, order));
        assert_eq!(row, [255, 255, 0, 0, 0, 0, 1, 0]);
        // A row that is shorter than a pixel.
        restore(Predictor::Horizontal, &mut [1, 2, 3], 4, storage(32, order));
    }

    #[test]
    fn floats_are_put_together_again() {
        let values = [0.25_f32, 0.5];
        for order in [Order::Little, Order::Big] {
            let mut row: Vec<u8> = (0..4)
                .flat_map(|weight| values.map(|value| value.to_be_bytes()[weight]))
                .collect();
            for at in (1..row.len()).rev() {
                row[at] = row[at].wrapping_sub(row[at - 1]);
            }
            let storage = Storage::new(32, Number::Float, order).unwrap();
            restore(Predictor::Float, &mut row, 1, storage);
            let expected = values.map(|value| match order {
                Order::Little => value.to_le_bytes(),
                Order::Big => value.to_be_bytes(),
            });
            assert_eq!(row, expected.concat());
        }
    }
}
