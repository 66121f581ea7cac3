#include "kernels/router.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void router_jitter(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                   int64_t first_row) {
  SY_CHECK(out.shape() == x.shape(), "router_jitter: out {}, x {}", out.shape().str(),
           x.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, x.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::jitter(exec, out, x, epsilon, key, first_row);
  });
}

void router_forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                    Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid) {
  SY_CHECK(logits.rank() == 2 && fraction.rank() == 2, "router: logits {}, fraction {}",
           logits.shape().str(), fraction.shape().str());
  const int64_t tokens = logits.dim(0), experts = logits.dim(1), groups = fraction.dim(0);
  SY_CHECK(groups > 0 && experts > 0 && tokens % groups == 0 && fraction.dim(1) == experts &&
               mean_prob.shape() == fraction.shape() && probs.shape() == logits.shape() &&
               gate.numel() == tokens && log_sum.numel() == tokens && expert.numel() == tokens &&
               valid.numel() == tokens && losses.numel() == 2,
           "router: logits {}, fraction {}, {} valid", logits.shape().str(), fraction.shape().str(),
           valid.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, logits.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::forward(exec, probs, gate, log_sum, expert, fraction, mean_prob, losses,
                              logits, valid);
  });
}

void router_count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot) {
  SY_CHECK(count.rank() == 2 && count.dim(0) > 0 && expert.numel() % count.dim(0) == 0 &&
               slot.numel() == expert.numel(),
           "router: count {} of {} tokens, {} with slots", count.shape().str(), expert.numel(),
           slot.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, count.dtype(), "router",
           [&]<Backend B, class T>() { RouterImpl<B, T>::count_kept(exec, count, expert, slot); });
}

void router_balance(Exec& exec, Tensor loss, Tensor fraction, Tensor mean_prob) {
  SY_CHECK(fraction.rank() == 2 && mean_prob.shape() == fraction.shape() && loss.numel() == 1,
           "router: fraction {}, mean_prob {}", fraction.shape().str(), mean_prob.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, fraction.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::balance(exec, loss, fraction, mean_prob);
  });
}

void router_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                     Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                     double z_scale) {
  const int64_t tokens = probs.dim(0), groups = fraction.dim(0);
  SY_CHECK(d_logits.shape() == probs.shape() && d_gate.numel() == tokens &&
               log_sum.numel() == tokens && expert.numel() == tokens && valid.numel() == tokens &&
               groups > 0 && tokens % groups == 0 && fraction.dim(1) == probs.dim(1),
           "router: d_logits {}, d_gate {}, probs {}, fraction {}", d_logits.shape().str(),
           d_gate.shape().str(), probs.shape().str(), fraction.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::backward(exec, d_logits, d_gate, probs, log_sum, expert, fraction, valid,
                               balance_scale, z_scale);
  });
}

}  // namespace sy
