//! The three operations against sums taken number by number.

use super::{Case, FMA, Gives, Memory, Number, SINGLE, Set};

/// Along an axis without padding, stride and dilation.
const PLAIN: (i32, i32, i32) = (0, 1, 1);

const CASES: [Case; 9] = [
    SINGLE,
    Case { x: [2, 3, 5, 6], w: [4, 3, 3, 3], y: [2, 4, 5, 6], axes: [(1, 1, 1); 2], ..SINGLE },
    // The last column is not met.
    Case { x: [2, 2, 7, 6], w: [3, 2, 3, 3], y: [2, 3, 4, 2], axes: [(1, 2, 1), (0, 2, 1)], ..SINGLE },
    Case { x: [1, 2, 6, 9], w: [2, 2, 3, 2], y: [1, 2, 2, 4], axes: [(0, 1, 2), (1, 2, 4)], ..SINGLE },
    Case { x: [2, 4, 4, 3], w: [6, 2, 2, 1], y: [2, 6, 3, 3], axes: [PLAIN; 2], groups: 2, ..SINGLE },
    // Each channel by itself, with a filter that is turned.
    Case { x: [1, 3, 4, 5], w: [3, 1, 2, 3], y: [1, 3, 3, 3], axes: [PLAIN; 2], groups: 3, mode: 0, ..SINGLE },
    // Most of the filter lies in the padding, and so do some outputs.
    Case { x: [1, 1, 1, 2], w: [1, 1, 5, 2], y: [1, 1, 1, 4], axes: [(2, 1, 1), (3, 2, 1)], ..SINGLE },
    // The channels lie last, with a gap after each row.
    Case {
        x: [2, 2, 3, 4],
        w: [1, 2, 2, 2],
        y: [2, 1, 2, 3],
        axes: [PLAIN; 2],
        strides: Some([30, 1, 10, 2]),
        ..SINGLE
    },
    // Columns lie before rows.
    Case {
        x: [2, 2, 5, 3],
        w: [2, 2, 3, 3],
        y: [2, 2, 3, 2],
        axes: [(1, 2, 1); 2],
        strides: Some([100, 48, 3, 15]),
        ..SINGLE
    },
];

/// All places of a tensor, in the order of NCHW.
fn places([n, c, h, w]: [i32; 4]) -> Vec<[i32; 4]> {
    (0..n * c * h * w).map(|at| [at / w / h / c, at / w / h % c, at / w % h, at % w]).collect()
}

/// The number of a place.
fn number(sizes: [i32; 4], place: [i32; 4]) -> usize {
    (0..4).fold(0, |number, axis| number * sizes[axis] + place[axis]) as usize
}

/// The numbers of x, w and y that belong together.
fn together(case: &Case) -> Vec<[usize; 3]> {
    let Case { x, w, y, axes: [(pad_h, stride_h, dilation_h), (pad_w, stride_w, dilation_w)], groups, mode, .. } =
        *case;
    let mut found = Vec::new();
    for at_y @ [image, output, p, q] in places(y) {
        for at_w @ [_, part, r, s] in places(w).into_iter().filter(|place| place[0] == output) {
            let (down, along) = if mode == 1 { (r, s) } else { (w[2] - 1 - r, w[3] - 1 - s) };
            let channel = output / (y[1] / groups) * w[1] + part;
            let (row, column) = (p * stride_h + down * dilation_h - pad_h, q * stride_w + along * dilation_w - pad_w);
            if (0..x[2]).contains(&row) && (0..x[3]).contains(&column) {
                found.push([number(x, [image, channel, row, column]), number(w, at_w), number(y, at_y)]);
            }
        }
    }
    found
}

/// Small numbers, of which sums and products are exact in F32, and also if they are rounded to TF32.
fn values(count: usize, seed: usize) -> Vec<i16> {
    (0..count).map(|at| ((at * 7 + at / 5 * 3 + seed) % 11) as i16 - 5).collect()
}

/// Where the numbers of x, w and y lie.
fn offsets(case: &Case) -> [Vec<usize>; 3] {
    let dense = |sizes: [i32; 4]| (0..places(sizes).len()).collect::<Vec<_>>();
    let spread = |strides: [i32; 4]| {
        let offset = |place: &[i32; 4]| (0..4).map(|axis| place[axis] * strides[axis]).sum::<i32>() as usize;
        places(case.x).iter().map(offset).collect()
    };
    [case.strides.map_or_else(|| dense(case.x), spread), dense(case.w), dense(case.y)]
}

/// What an operation leaves in memory: α times the sums plus β times what was there, and between the numbers what is none.
fn expected(case: &Case, gives: Gives, before: &[Vec<i16>], offsets: &[usize], [alpha, beta]: [i16; 2]) -> Vec<f64> {
    let result = gives as usize;
    let mut sums = vec![0.0; offsets.len()];
    for belongs in together(case) {
        let product: i16 = (0..3).filter(|&at| at != result).map(|at| before[at][belongs[at]]).product();
        sums[belongs[result]] += f64::from(product);
    }
    let mut expected = vec![f64::NAN; offsets.iter().max().unwrap() + 1];
    for ((&offset, sum), &before) in offsets.iter().zip(sums).zip(&before[result]) {
        expected[offset] = f64::from(alpha) * sum + f64::from(beta * before);
    }
    expected
}

/// Checks the operations in a type.
fn check<T: Number>(case: &Case) {
    let (set, offsets) = (Set::new(T::KIND, FMA, case), offsets(case));
    let before: Vec<Vec<i16>> = offsets.iter().zip(1..).map(|(offsets, seed)| values(offsets.len(), seed)).collect();
    for gives in [Gives::X, Gives::W, Gives::Y] {
        for factors in [[1, 0], [2, -3]] {
            let memory = |tensor: usize| {
                // Fresh memory is no number: between the numbers, and where the result goes if it is not to be read.
                let memory = Memory::new((offsets[tensor].iter().max().unwrap() + 1) * size_of::<T>());
                if tensor != gives as usize || factors[1] != 0 {
                    for (&offset, &value) in offsets[tensor].iter().zip(&before[tensor]) {
                        // SAFETY: it was allocated for this.
                        unsafe { (memory.0 as *mut T).add(offset).write(T::from(value)) };
                    }
                }
                memory
            };
            let memories = [0, 1, 2].map(memory);
            let (status, size) = set.workspace(gives, 1);
            assert!(status == 0 && size > 0);
            let workspace = Memory::new(size);
            let at = memories.each_ref().map(|memory| memory.0);
            assert_eq!(set.run(gives, 1, &factors.map(T::from), at, (workspace.0, size)), 0);

            let expected = expected(case, gives, &before, &offsets[gives as usize], factors);
            let given: Vec<f64> = memories[gives as usize].read::<T>().into_iter().map(Into::into).collect();
            let same = given.iter().zip(&expected).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
            assert!(same && given.len() == expected.len(), "{case:?} {gives:?} {given:?} {expected:?}");
        }
    }
}

#[test]
fn every_operation_takes_the_sums_that_belong_together() {
    for case in &CASES {
        check::<f32>(case);
        check::<f64>(case);
    }
}
