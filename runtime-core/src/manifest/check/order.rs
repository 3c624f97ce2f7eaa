//! The order in which every edge goes forward, or the circles that forbid one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A graph of `nodes` positions; each edge is `(from, to)`.
#[derive(Debug)]
pub(super) struct Order<'e> {
    nodes: usize,
    edges: &'e [(usize, usize)],
    /// Positions in `edges` that leave each node.
    leaving: Vec<Vec<usize>>,
}

/// Edges that lead in a circle: positions in the list of edges, in the direction of flow.
pub(super) type Circle = Vec<usize>;

impl<'e> Order<'e> {
    /// Takes a graph; edges must name nodes below `nodes`.
    pub(super) fn of(nodes: usize, edges: &'e [(usize, usize)]) -> Self {
        let mut leaving = vec![Vec::new(); nodes];
        for (index, (from, _)) in edges.iter().enumerate() {
            leaving[*from].push(index);
        }
        Self { nodes, edges, leaving }
    }

    /// Returns the nodes, givers before takers and otherwise in their given order.
    ///
    /// # Errors
    /// The circles, none sharing a node with another, each beginning at its first node.
    ///
    /// Source: A. B. Kahn, "Topological sorting of large networks" (1962).
    pub(super) fn arrange(&self) -> Result<Vec<usize>, Vec<Circle>> {
        let mut waiting_for = vec![0_usize; self.nodes];
        self.edges.iter().for_each(|(_, to)| waiting_for[*to] += 1);
        let mut ready: BinaryHeap<_> =
            (0..self.nodes).filter(|node| waiting_for[*node] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.nodes);
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for edge in &self.leaving[node] {
                let to = self.edges[*edge].1;
                waiting_for[to] -= 1;
                if waiting_for[to] == 0 {
                    ready.push(Reverse(to));
                }
            }
        }
        if order.len() == self.nodes { Ok(order) } else { Err(self.circles(&order)) }
    }

    fn circles(&self, arranged: &[usize]) -> Vec<Circle> {
        let mut left = vec![true; self.nodes];
        arranged.iter().for_each(|node| left[*node] = false);
        let mut circles = Vec::new();
        while let Some(start) = self.first_that_leads_on(&mut left) {
            let circle = self.walk(start, &left);
            circle.iter().for_each(|edge| left[self.edges[*edge].0] = false);
            circles.push(circle);
        }
        circles
    }

    /// Strikes out the nodes that lead to no circle and returns the first of the others.
    fn first_that_leads_on(&self, left: &mut [bool]) -> Option<usize> {
        let mut leads_to = vec![0_usize; self.nodes];
        let mut arriving = vec![Vec::new(); self.nodes];
        for (from, to) in self.edges.iter().filter(|(from, to)| left[*from] && left[*to]) {
            leads_to[*from] += 1;
            arriving[*to].push(*from);
        }
        let mut dead: Vec<_> = (0..self.nodes).filter(|node| left[*node] && leads_to[*node] == 0).collect();
        while let Some(node) = dead.pop() {
            left[node] = false;
            for from in &arriving[node] {
                leads_to[*from] -= 1;
                if leads_to[*from] == 0 {
                    dead.push(*from);
                }
            }
        }
        left.iter().position(|left| *left)
    }

    /// Goes on from `start` until it meets its own trace.
    fn walk(&self, start: usize, left: &[bool]) -> Circle {
        let mut met_at = vec![None; self.nodes];
        let mut trace: Circle = Vec::new();
        let mut node = start;
        while met_at[node].is_none() {
            met_at[node] = Some(trace.len());
            let Some(edge) = self.leaving[node].iter().find(|edge| left[self.edges[**edge].1]) else { break };
            trace.push(*edge);
            node = self.edges[*edge].1;
        }
        let mut circle = trace.split_off(met_at[node].unwrap_or_default());
        let first = (0..circle.len()).min_by_key(|at| self.edges[circle[*at]].0);
        circle.rotate_left(first.unwrap_or_default());
        circle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(nodes: usize, edges: &[(usize, usize)]) -> Vec<Circle> {
        Order::of(nodes, edges).arrange().expect_err("circles")
    }

    #[test]
    fn givers_come_before_takers_and_the_rest_stays_in_place() {
        let order = Order::of(5, &[(4, 1), (1, 0), (4, 0)]).arrange();
        assert_eq!(order, Ok(vec![2, 3, 4, 1, 0]));
        assert_eq!(Order::of(0, &[]).arrange(), Ok(vec![]));
    }

    #[test]
    fn a_circle_begins_at_its_first_node_and_leaves_out_what_leads_to_it() {
        let edges = [(0, 3), (3, 1), (1, 2), (2, 3), (2, 4)];
        assert_eq!(circles(5, &edges), [vec![2, 3, 1]]);
    }

    #[test]
    fn every_separate_circle_is_found() {
        let edges = [(0, 1), (1, 0), (2, 3), (3, 2), (1, 2), (4, 4)];
        assert_eq!(circles(5, &edges), [vec![0, 1], vec![2, 3], vec![5]]);
    }

    #[test]
    fn random_graphs_are_arranged_or_their_circles_closed() {
        let mut seed = 7_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let (mut arranged, mut circular) = (0, 0);
        for _ in 0..500 {
            let nodes = 1 + random(12);
            let edges: Vec<_> = (0..random(16)).map(|_| (random(nodes), random(nodes))).collect();
            match Order::of(nodes, &edges).arrange() {
                Ok(order) => {
                    let place = |node| order.iter().position(|other| *other == node);
                    assert!(edges.iter().all(|(from, to)| place(*from) < place(*to)), "{edges:?}: {order:?}");
                    arranged += 1;
                }
                Err(circles) => {
                    for circle in &circles {
                        let next = circle.iter().cycle().skip(1);
                        let closed =
                            circle.iter().zip(next).all(|(edge, next)| edges[*edge].1 == edges[*next].0);
                        assert!(closed && !circle.is_empty(), "{edges:?}: {circle:?}");
                    }
                    circular += 1;
                }
            }
        }
        assert!(arranged > 50 && circular > 50, "{arranged} arranged, {circular} circular");
    }
}
