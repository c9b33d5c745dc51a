"""Records vectors that ../shared/data/schedulers lacks, in the same format, beside this file: python record.py

    CLASS-more.json                fields of the classes that have few configurations there, 16 steps of each
    SASolverScheduler-float64.json orders 3 and 4 of SA-Solver by diffusers in float64.  In float32 the coefficients are
                                   differences of terms some thousand times as large, so that the run recorded there depends
                                   on the rounding of torch's logarithm: of 50 steps diffusers is 2e-4 from it in float64,
                                   and 1.2e-4 in float32 without vector instructions (ATEN_CPU_CAPABILITY=default)

DPMSolverSDEScheduler draws here from one generator, not from torchsde's tree of seeds, in the same distribution.

A tau_func that is a number stands for the function that gives it; where variances are learned, the model says 0.1 |x|."""
import json, math, os, sys, warnings
import diffusers, torch
warnings.filterwarnings('ignore')
diffusers.utils.logging.set_verbosity_error()

here = os.path.dirname(os.path.abspath(__file__))
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear')
FLOW = dict(use_flow_sigmas=True, prediction_type='flow_prediction', flow_shift=3.0)
MORE = {
    'DDPMScheduler': [dict(variance_type='learned_range'), dict(SD, variance_type='learned', clip_sample=False)],
    'DDIMInverseScheduler': [
        dict(SD, timestep_spacing='trailing', clip_sample=False), dict(SD, prediction_type='v_prediction'),
        dict(SD, prediction_type='sample', set_alpha_to_one=False), dict(SD, clip_sample_range=2.0)],
    'DPMSolverMultistepInverseScheduler': [
        dict(SD, timestep_spacing='leading', steps_offset=1), dict(SD, timestep_spacing='trailing'),
        dict(SD, use_karras_sigmas=True), dict(SD, use_exponential_sigmas=True), dict(SD, use_beta_sigmas=True), FLOW,
        dict(SD, lambda_min_clipped=-1.0), dict(SD, algorithm_type='dpmsolver', solver_order=3),
        dict(SD, prediction_type='v_prediction'), dict(SD, num_train_timesteps=50, use_karras_sigmas=True),
        dict(SD, thresholding=True, euler_at_final=True)],
    'DPMSolverSDEScheduler': [
        {}, SD, dict(SD, prediction_type='v_prediction'), dict(SD, timestep_spacing='leading', steps_offset=1),
        dict(SD, timestep_spacing='trailing'), dict(SD, use_karras_sigmas=True), dict(SD, use_exponential_sigmas=True),
        dict(SD, use_beta_sigmas=True)],
    'EDMEulerScheduler': [{'s_churn_': 0.5}, {'s_churn_': 4.0, 'prediction_type': 'v_prediction', 'sigma_data': 1.0},
                          {'rho': 5.0, 'sigma_min': 0.01}],
    'EDMDPMSolverMultistepScheduler': [
        {'final_sigmas_type': 'sigma_min'}, {'thresholding': True, 'sample_max_value': 2.0}, {'euler_at_final': True},
        {'algorithm_type': 'sde-dpmsolver++', 'solver_type': 'heun', 'sigma_data': 1.0}, {'solver_order': 1}],
    'CMStochasticIterativeScheduler': [{'s_noise': 1.01, 'rho': 5.0, 'sigma_data': 1.0}],
    'UnCLIPScheduler': [{'num_train_timesteps': 20}, {'variance_type': 'learned_range'}],
    'SASolverScheduler': [
        *[dict(SD, tau_func=tau, algorithm_type=a) for tau in (0, 0.5, 1) for a in ('data_prediction', 'noise_prediction')],
        dict(SD, timestep_spacing='leading', steps_offset=1), dict(SD, timestep_spacing='trailing'),
        dict(SD, prediction_type='sample'), dict(SD, thresholding=True), dict(SD, lower_order_final=False), FLOW,
        dict(SD, predictor_order=1, corrector_order=1), dict(SD, use_exponential_sigmas=True), dict(SD, use_beta_sigmas=True),
        dict(SD, algorithm_type='noise_prediction', prediction_type='v_prediction')],
}
THIRD = dict(SD, predictor_order=3, corrector_order=4)


def number(v):
    return v if isinstance(v, (bool, str)) or v is None else float('%.9g' % v) if math.isfinite(v) else str(v)


def numbers(values):
    return [number(float(v)) for v in values.flatten()]


class Path:
    """Noise of a Brownian path as DPMSolverSDEScheduler asks for it: over sigma to the midpoint, then over all of the step."""
    def __init__(self, draw):
        self.draw, self.start = draw, None

    def __call__(self, start, end):
        if start != self.start:
            self.start, self.reached, self.walked = start, start, 0
        self.walked = self.walked + self.draw((1, 1, 2, 2)) * (self.reached - end).sqrt()
        self.reached = end
        return self.walked / (start - end).sqrt()


def run(name, config, step_args, steps, dtype):
    given = dict(config)
    if 'tau_func' in given:
        given['tau_func'] = lambda t: config['tau_func']
    s, generator, noise = getattr(diffusers, name)(**given), torch.Generator().manual_seed(11), []

    def draw(shape, **_):
        noise.append(torch.randn(shape, generator=generator).to(dtype))
        return noise[-1]

    sys.modules[type(s).__module__].randn_tensor = draw
    s.set_timesteps(steps)
    if name == 'DPMSolverSDEScheduler':
        s.noise_sampler = Path(draw)
    init = float(s.init_noise_sigma)
    x = torch.tensor([0.5, -1.25, 2, -0.375], dtype=dtype).reshape(1, 1, 2, 2) * init
    made = {'steps': steps, 'timesteps': numbers(s.timesteps), 'init_noise_sigma': number(init), 'x': [numbers(x)]}
    if hasattr(s, 'sigmas'):
        made['sigmas'] = numbers(s.sigmas)
        s.sigmas = s.sigmas.to(dtype)
    rows = []
    for i, t in enumerate(s.timesteps):
        drawn, scaled = len(noise), s.scale_model_input(x, t)
        output = 0.3 * scaled + torch.tensor(math.sin(float(t) / 100), dtype=torch.float32).to(dtype)
        if str(given.get('variance_type')).startswith('learned'):
            output = torch.cat([output, 0.1 * scaled.abs()], 1)
        if name == 'UnCLIPScheduler':
            step_args = {'prev_timestep': s.timesteps[i + 1] if i + 1 < steps else None}
        x = s.step(output, t, x, **step_args).prev_sample
        made['x'].append(numbers(x))
        rows.append(numbers(noise[-1]) if len(noise) > drawn else None)
    return dict(made, noise=rows) if noise else made


def save(name, suffix, configs, steps, dtype):
    cases = []
    for c in configs:
        config = {k: v for k, v in c.items() if k[-1] != '_'}
        step_args = {k[:-1]: v for k, v in c.items() if k[-1] == '_'}
        case = {'config': config, 'runs': [run(name, config, step_args, n, dtype) for n in steps]}
        cases.append(json.dumps(dict(case, step_args=step_args) if step_args else case, separators=(',', ':')))
    defaults = {k: number(v) for k, v in getattr(diffusers, name)().config.items() if k[0] != '_'}
    head = {'class': name, 'diffusers': diffusers.__version__, 'float64': dtype == torch.float64, 'defaults': defaults}
    with open(f'{here}/{name}-{suffix}.json', 'w') as out:
        out.write(json.dumps(head, separators=(',', ':'))[:-1] + ',"cases":[\n' + ',\n'.join(cases) + '\n]}\n')


for name, configs in MORE.items():
    save(name, 'more', configs, [16], torch.float32)
save('SASolverScheduler', 'float64', [THIRD, dict(THIRD, algorithm_type='noise_prediction')], [20, 50], torch.float64)
