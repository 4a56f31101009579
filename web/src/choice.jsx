// One of a few, side by side: a group of radio buttons that looks like a switch.

export const Choice = ({ name, label, options, value, disabled, onChoose }) => (
  <fieldset class="choice" disabled={disabled}>
    <legend>{label}</legend>
    <div class="options">
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChoose(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
    </div>
  </fieldset>
);
